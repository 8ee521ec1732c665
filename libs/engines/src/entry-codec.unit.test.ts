import type { EngineEntry } from '@vault-engine/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromRecord, toRecord } from './entry-codec.ts';

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
const words = fc.array(fc.string({ maxLength: 20 }), { maxLength: 4 });

const entries: fc.Arbitrary<EngineEntry> = fc.record({
  engine: fc.string(),
  revision: fc.nat(),
  wrappedKey: bytes,
  keys: fc.array(
    fc.record({
      kid: fc.string(),
      state: fc.constantFrom('pending', 'active', 'retiring', 'revoked'),
      use: fc.constantFrom('kafka', 'http'),
      createdAt: fc.nat(),
      subkeys: bytes,
      secretDigest: fc.option(bytes),
    }),
    { maxLength: 4 },
  ),
  grants: fc.array(fc.record({ operations: words, platforms: words }), { maxLength: 4 }),
  rate: fc.record({ perSecond: fc.nat(), burst: fc.nat() }),
  mac: bytes,
});

test('an entry survives the round trip through its record', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      expect(fromRecord(toRecord(entry))).toEqual(entry);
    }),
  );
});

test.each([
  { field: 'state', value: 'asleep' },
  { field: 'state', value: 'ACTIVE' },
  { field: 'use', value: 'ftp' },
])('a record with a key of $field $value is rejected', ({ field, value }) => {
  const [entry] = fc.sample(
    entries.filter(({ keys }) => keys.length > 0),
    { numRuns: 1, seed: 1 },
  );
  if (entry === undefined) throw new Error('no sample');
  const record = toRecord(entry);
  const keys = record.keys.map((key) => ({ ...key, [field]: value }));
  expect(fromRecord({ ...record, keys })).toBeNull();
});
