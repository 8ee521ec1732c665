import { HEADER } from '@vault-engine/protocol';
import { expect, test } from 'vitest';
import { authenticate, receive } from './receive.ts';
import { proven, sampleEngine, statusRecord, tableOf } from './testing/command-samples.ts';

const sync = sampleEngine('sync');
const other = sampleEngine('action');
const record = statusRecord(sync.keys.kafka);
const without = (name: string) => {
  const { [name]: _, ...headers } = record.headers;
  return { ...record, headers };
};

test('a record with frame, key and headers is received', () => {
  const received = receive(record);
  expect(received).toMatchObject({ ok: true, value: { key: Buffer.from('u1'), headers: { engine: 'sync' } } });
});

test.each([
  ['empty', { ...record, value: null }],
  ['empty', { ...record, value: Buffer.alloc(0) }],
  ['bad_magic', { ...record, value: Buffer.from('{"type":"GetStatus"}') }],
  ['too_short', { ...record, value: Buffer.from([0, 0, 0]) }],
  ['key_missing', { ...record, key: null }],
  ['header_missing:kafka_correlationId', without(HEADER.correlationId)],
  ['header_missing:x-engine-key', without(HEADER.engineKey)],
  [
    'header_malformed:x-timeout-ms',
    { ...record, headers: { ...record.headers, [HEADER.timeoutMs]: Buffer.from('soon') } },
  ],
])('%s: the reason of a record that is not a command', (reason, malformed) => {
  expect(receive(malformed)).toEqual({ ok: false, reason });
});

test('a command is authenticated by the key that signed it', () => {
  const authenticated = authenticate(tableOf(sync.engine), proven(receive(record)));
  expect(authenticated).toMatchObject({ ok: true, value: { engine: sync.engine, keys: { kid: sync.keys.kafka.kid } } });
});

const changed = { ...record, value: Buffer.concat([record.value ?? Buffer.alloc(0), Buffer.from([0])]) };
const revoked = {
  ...sync.engine,
  open: {
    ...sync.engine.open,
    keys: new Map([...sync.engine.open.keys].map(([kid, key]) => [kid, { ...key, state: 'revoked' as const }])),
  },
};

test.each([
  ['unknown_engine', 'an engine that is not in the table', tableOf(other.engine), record],
  ['unknown_key', 'a key that the engine does not have', tableOf(sampleEngine('sync').engine), record],
  ['key_not_usable', 'a revoked key', tableOf(revoked), record],
  ['wrong_mac', 'a value that was changed', tableOf(sync.engine), changed],
  ['wrong_mac', 'a message key that was changed', tableOf(sync.engine), { ...record, key: Buffer.from('u2') }],
  ['wrong_mac', 'another topic', tableOf(sync.engine), { ...record, topic: 'vault.other' }],
  [
    'wrong_mac',
    'a header that was changed',
    tableOf(sync.engine),
    { ...record, headers: { ...record.headers, [HEADER.timeoutMs]: Buffer.from('600000') } },
  ],
])('%s: %s is not authenticated', (reason, _, table, forged) => {
  expect(authenticate(table, proven(receive(forged)))).toEqual({ ok: false, reason });
});
