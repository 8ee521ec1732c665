import { ciphertext } from '@vault-engine/crypto';
import { type ConnectionRecord, LARGEST_INTEGER, type TokenStore } from '@vault-engine/vault';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectUser, GMAIL, newChange, newDataKey, newRecord, newUser, putOf, SLACK } from './samples.ts';

const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => ciphertext(Buffer.from(array)));
const count = fc.integer({ min: 0, max: LARGEST_INTEGER });
const time = fc.option(fc.integer({ min: -LARGEST_INTEGER, max: LARGEST_INTEGER }));
const text = fc.string({ unit: 'binary' });

const record: fc.Arbitrary<ConnectionRecord> = fc.record({
  version: count,
  tokenVersion: count,
  storedAt: count,
  metadata: fc.record({
    tokenType: text,
    scopes: fc.array(text, { maxLength: 5 }),
    expiresAt: time,
    refreshExpiresAt: time,
    params: fc.dictionary(fc.oneof(text, fc.constant('__proto__')), text, { maxKeys: 4, noNullPrototype: true }),
  }),
  access: bytes,
  refresh: fc.option(bytes),
  condition: fc.oneof(
    fc.constant({ kind: 'none' as const }),
    fc.constant({ kind: 'good' as const }),
    fc.record({
      kind: fc.constant('failing' as const),
      reason: fc.constantFrom(
        'provider_unavailable',
        'provider_throttles',
        'provider_misconfigured',
        'outcome_unknown',
      ),
      since: count,
      failures: count,
      retryAt: count,
      unknownSince: time,
    }),
    fc.record({
      kind: fc.constant('dead' as const),
      reason: fc.constantFrom('grant_refused', 'outcome_unknown'),
      since: count,
    }),
  ),
  grant: fc.record(
    { since: count, endsAt: time, refreshedAt: time, account: fc.option(text), client: text },
    { requiredKeys: ['since', 'endsAt', 'refreshedAt', 'account'] },
  ),
  lastPublishedStatus: text,
  lease: fc.constant(null),
});

/** The guarantees of `readConnection` and `readUser`. */
export const readsReturnWhatWasWritten = (store: () => TokenStore): void => {
  describe('reading', () => {
    test('an unknown user has no row, no record and no dedupe record', async () => {
      const user = newUser();
      expect(await store().readConnection(user, GMAIL)).toEqual({ user: null, record: null });
      expect(await store().readUser(user, null, 'an-id')).toMatchObject({ user: null, dedupeRecord: null });
      expect((await store().readUser(user, GMAIL, null)).connections.size).toBe(0);
    });

    test('a record is read as written, whatever it holds', async () => {
      const write = async (put: ConnectionRecord) => {
        const [user, dataKey] = [newUser(), newDataKey()];
        await store().apply(newChange(user, 7, { dataKey, put: putOf(GMAIL, put) }));
        const expected = { user: { revision: 7, dataKey }, record: put };
        expect(await store().readConnection(user, GMAIL)).toEqual(expected);
        expect((await store().readUser(user, null, null)).connections).toEqual(new Map([[GMAIL, put]]));
      };
      await fc.assert(fc.asyncProperty(record, write), { numRuns: 60 });
    });

    test('revisions and versions are exact up to 2^52 - 1', async () => {
      const [user, top] = [newUser(), LARGEST_INTEGER];
      const edge = newRecord({ version: top, tokenVersion: top - 1, storedAt: top - 2 });
      const first = newChange(user, top - 1, { dataKey: newDataKey(), put: putOf(GMAIL, edge, top) });
      expect(await store().apply(first)).toMatchObject({ kind: 'applied' });
      expect(await store().apply(newChange(user, top, { expectedRevision: top - 2 }))).toEqual({ kind: 'conflict' });
      expect(await store().apply(newChange(user, top, { expectedRevision: top - 1 }))).toMatchObject({
        kind: 'applied',
      });
      const read = await store().readConnection(user, GMAIL);
      expect(read.user?.revision).toBe(top);
      expect(read.record).toEqual(edge);
    });

    test('one connection or all of them are returned, as requested', async () => {
      const user = newUser();
      await connectUser(store(), user, [SLACK, GMAIL]);
      expect([...(await store().readUser(user, null, null)).connections.keys()].sort()).toEqual([GMAIL, SLACK]);
      expect([...(await store().readUser(user, SLACK, null)).connections.keys()]).toEqual([SLACK]);
    });

    test('a user without the requested connection has a row and no record', async () => {
      const user = newUser();
      await connectUser(store(), user, [GMAIL]);
      const { user: row, record: none } = await store().readConnection(user, SLACK);
      expect([row?.revision, none]).toEqual([1, null]);
      expect((await store().readUser(user, SLACK, null)).connections.size).toBe(0);
    });

    test('the clock is in Unix microseconds and advances', async () => {
      const before = await store().readUser(newUser(), null, null);
      const after = await store().readUser(newUser(), null, null);
      expect(Math.abs(before.nowMicros / 1000 - Date.now())).toBeLessThan(60_000);
      expect(after.nowMicros).toBeGreaterThan(before.nowMicros);
      expect(Number.isSafeInteger(after.nowMicros)).toBe(true);
    });

    test('a reader never sees half a change', async () => {
      const [user, changes] = [newUser(), 60];
      await connectUser(store(), user, [GMAIL, SLACK]);
      let writing = true;
      const write = async () => {
        for (let at = 2; at < changes; at += 1) {
          const platform = at % 2 === 0 ? GMAIL : SLACK;
          const put = putOf(platform, newRecord({ version: at + 1 }));
          await store().apply(newChange(user, at + 1, { expectedRevision: at, put }));
        }
        writing = false;
      };
      const read = async () => {
        while (writing) {
          const { user: row, connections } = await store().readUser(user, null, null);
          const versions = [...connections.values()].map(({ version }) => version).filter((version) => version < 1000);
          if (versions.length === 2) expect(row?.revision).toBe(Math.max(...versions));
          const one = await store().readConnection(user, GMAIL);
          if ((one.record?.version ?? 1000) < 1000) {
            expect([0, 1]).toContain((one.user?.revision ?? 0) - (one.record?.version ?? 0));
          }
        }
      };
      await Promise.all([write(), read(), read()]);
    });
  });
};
