import { createHash } from 'node:crypto';
import type { BusRecord } from '@vault-engine/bus';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sampleUnauthenticated } from './sample-unauthenticated.ts';
import { NOW, sampleEngine, statusRecord } from './testing/command-samples.ts';

const open = (perMinute = 6) => {
  let now = NOW;
  const sample = sampleUnauthenticated({ topic: 'vault.commands.dlt', groupId: 'a group', perMinute, now: () => now });
  return {
    sample,
    pass: (ms: number): void => {
      now += ms;
    },
  };
};
const record = statusRecord(sampleEngine('sync').keys.kafka);
const sizeOf = (headers: Readonly<Record<string, Buffer | undefined>> = {}) =>
  Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + (value?.length ?? 0), 0);

test('a sample has headers, origin, reason, size and digest, but no key and no value', () => {
  const sample = open().sample(record, 'wrong_mac');
  expect(sample).toMatchObject({ topic: 'vault.commands.dlt', key: null, value: null });
  expect(sample?.headers).toMatchObject({
    'x-engine-id': Buffer.from('sync'),
    'kafka_dlt-original-topic': Buffer.from('vault.commands'),
    'kafka_dlt-exception-message': Buffer.from('wrong_mac'),
    'x-vault-value-bytes': Buffer.from(String(record.value?.length)),
    'x-vault-value-sha256': Buffer.from(
      createHash('sha256')
        .update(record.value ?? Buffer.alloc(0))
        .digest('hex'),
    ),
  });
});

test('a minute has no more samples than its limit', () => {
  const { sample, pass } = open(6);
  const taken = () =>
    Array.from({ length: 100 }, () => sample(record, 'wrong_mac')).filter((one) => one !== null).length;
  expect(taken()).toBe(6);
  pass(10_000);
  expect(taken()).toBe(1);
  pass(600_000);
  expect(taken()).toBe(6);
});

test('a sample is small, whatever headers the record has', () => {
  const header = fc.tuple(
    fc.string({ unit: 'grapheme-ascii', maxLength: 200 }),
    fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(header, { maxLength: 60 }), (headers) => {
      const strange: BusRecord = { ...record, headers: Object.fromEntries(headers) };
      const sample = open().sample(strange, 'wrong_mac');
      expect(sizeOf(sample?.headers)).toBeLessThan(2_048 + 1_024);
    }),
  );
});
