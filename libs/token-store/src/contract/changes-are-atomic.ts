import type { Change, TokenStore } from '@vault-engine/vault';
import { describe, expect, test } from 'vitest';
import {
  connectUser,
  GMAIL,
  newChange,
  newDataKey,
  newDedupeRecord,
  newRecord,
  newUser,
  pendingOf,
  putOf,
  SLACK,
} from './samples.ts';

/** The guarantees of `apply` about rows and records. */
export const changesAreAtomic = (store: () => TokenStore): void => {
  describe('changing', () => {
    test('a change with another expected revision is a conflict and writes nothing', async () => {
      const [user, revision] = [newUser(), 1_700_000_000_000_000];
      const before = newRecord();
      await store().apply(newChange(user, revision, { dataKey: newDataKey(), put: putOf(GMAIL, before) }));
      const stale: Partial<Change>[] = [
        { expectedRevision: null, dataKey: newDataKey() },
        { expectedRevision: revision - 1 },
        { expectedRevision: revision + 1 },
      ];
      for (const fields of stale) {
        const dedupe = newDedupeRecord();
        const change = newChange(user, revision + 2, { ...fields, put: putOf(GMAIL), dedupe });
        expect(await store().apply(change)).toEqual({ kind: 'conflict' });
        expect((await store().readUser(user, null, dedupe.id)).dedupeRecord).toBeNull();
      }
      expect(await store().readConnection(user, GMAIL)).toMatchObject({ user: { revision }, record: before });
      expect(await pendingOf(store(), user)).toHaveLength(1);
    });

    test('a change of a user who no longer exists is a conflict', async () => {
      expect(await store().apply(newChange(newUser(), 6, { expectedRevision: 5 }))).toEqual({ kind: 'conflict' });
    });

    test('fifty concurrent changes of one user get fifty revisions', async () => {
      const user = newUser();
      let conflicts = 0;
      const change = async (): Promise<number> => {
        const { user: row } = await store().readUser(user, null, null);
        const revision = (row?.revision ?? 0) + 1;
        const dataKey = row === null ? newDataKey() : null;
        const put = putOf(GMAIL, newRecord({ version: revision }));
        const applied = await store().apply(
          newChange(user, revision, { expectedRevision: row?.revision ?? null, dataKey, put }),
        );
        if (applied.kind === 'applied') return revision;
        conflicts += 1;
        return change();
      };
      const revisions = await Promise.all(Array.from({ length: 50 }, change));
      expect(revisions.sort((left, right) => left - right)).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
      expect(conflicts).toBeGreaterThan(0);
      expect(await store().readConnection(user, GMAIL)).toMatchObject({
        user: { revision: 50 },
        record: { version: 50 },
      });
      expect(await pendingOf(store(), user)).toHaveLength(50);
    });

    test('a later change leaves the data key unchanged', async () => {
      const [user, dataKey] = [newUser(), newDataKey()];
      await store().apply(newChange(user, 1, { dataKey, put: putOf(GMAIL) }));
      await store().apply(newChange(user, 2, { expectedRevision: 1, put: putOf(SLACK) }));
      expect((await store().readUser(user, null, null)).user).toEqual({ revision: 2, dataKey });
    });

    test('a change with another wrapped form of the user’s key stores it, and repeats to the same', async () => {
      const [user, dataKey] = [newUser(), newDataKey()];
      await store().apply(newChange(user, 1, { dataKey, put: putOf(GMAIL) }));
      const rewrapped = { kid: dataKey.kid, wrapped: Buffer.from('another wrapped form') };
      await store().apply(newChange(user, 2, { expectedRevision: 1, dataKey: rewrapped, put: putOf(GMAIL) }));
      expect((await store().readUser(user, null, null)).user).toEqual({ revision: 2, dataKey: rewrapped });
      expect((await store().readConnection(user, GMAIL)).user).toEqual({ revision: 2, dataKey: rewrapped });
    });

    test('a change with another key for an existing user is a conflict and writes nothing', async () => {
      const [user, dataKey] = [newUser(), newDataKey()];
      await store().apply(newChange(user, 1, { dataKey, put: putOf(GMAIL) }));
      const change = newChange(user, 2, { expectedRevision: 1, dataKey: newDataKey(), put: putOf(GMAIL) });
      expect(await store().apply(change)).toEqual({ kind: 'conflict' });
      expect((await store().readUser(user, null, null)).user).toEqual({ revision: 1, dataKey });
    });

    test('a put without a refresh token deletes an earlier one', async () => {
      const user = newUser();
      await connectUser(store(), user);
      const put = putOf(GMAIL, newRecord({ refresh: null }));
      await store().apply(newChange(user, 2, { expectedRevision: 1, put }));
      expect((await store().readConnection(user, GMAIL)).record?.refresh).toBeNull();
    });

    test('a removal deletes one connection, keeps the others and the row, and succeeds without a connection', async () => {
      const user = newUser();
      await connectUser(store(), user, [GMAIL, SLACK]);
      const remove = (at: number) => store().apply(newChange(user, at + 1, { expectedRevision: at, remove: [GMAIL] }));
      expect([(await remove(2)).kind, (await remove(3)).kind]).toEqual(['applied', 'applied']);
      const view = await store().readUser(user, null, null);
      expect([...view.connections.keys()]).toEqual([SLACK]);
      await store().apply(newChange(user, 5, { expectedRevision: 4, remove: [SLACK] }));
      expect(await store().readConnection(user, SLACK)).toMatchObject({ user: { revision: 5 }, record: null });
    });

    test('one change puts one connection and removes another', async () => {
      const user = newUser();
      await connectUser(store(), user, [GMAIL]);
      await store().apply(newChange(user, 2, { expectedRevision: 1, put: putOf(SLACK), remove: [GMAIL] }));
      expect([...(await store().readUser(user, null, null)).connections.keys()]).toEqual([SLACK]);
    });

    test('forgetting deletes the row, its data key and all connections of that user alone', async () => {
      const [user, other] = [newUser(), newUser()];
      await connectUser(store(), user, [GMAIL, SLACK]);
      await connectUser(store(), other, [GMAIL]);
      const change = newChange(user, 3, { expectedRevision: 2, forget: true });
      expect(await store().apply(change)).toMatchObject({ kind: 'applied' });
      const view = await store().readUser(user, null, null);
      expect([view.user, view.connections.size]).toEqual([null, 0]);
      for (const platform of [GMAIL, SLACK]) {
        expect(await store().readConnection(user, platform)).toEqual({ user: null, record: null });
      }
      expect((await store().readConnection(other, GMAIL)).record).not.toBeNull();
    });

    test('forgetting with another expected revision is a conflict and deletes nothing', async () => {
      const user = newUser();
      await connectUser(store(), user, [GMAIL, SLACK]);
      expect(await store().apply(newChange(user, 3, { expectedRevision: 1, forget: true }))).toEqual({
        kind: 'conflict',
      });
      expect((await store().readUser(user, null, null)).connections.size).toBe(2);
    });

    test('a forgotten user comes back with a new data key and no earlier connection', async () => {
      const [user, dataKey] = [newUser(), newDataKey()];
      await connectUser(store(), user, [GMAIL]);
      await store().apply(newChange(user, 2, { expectedRevision: 1, forget: true }));
      await store().apply(newChange(user, 3, { dataKey, put: putOf(SLACK) }));
      const view = await store().readUser(user, null, null);
      expect(view.user).toEqual({ revision: 3, dataKey });
      expect([...view.connections.keys()]).toEqual([SLACK]);
    });

    test('a change of an unknown user without a data key creates no row', async () => {
      const [user, dedupe] = [newUser(), newDedupeRecord()];
      expect(await store().apply(newChange(user, 1, { dedupe }))).toMatchObject({ kind: 'applied' });
      const view = await store().readUser(user, null, dedupe.id);
      expect([view.user, view.dedupeRecord?.outcome]).toEqual([null, dedupe.outcome]);
    });

    test.each<[string, Partial<Change>]>([
      ['whose revision does not rise', { expectedRevision: 9 }],
      ['that forgets and puts', { expectedRevision: 1, forget: true, put: putOf(GMAIL) }],
      ['that puts and removes one connection', { expectedRevision: 1, put: putOf(GMAIL), remove: [GMAIL] }],
      [
        'whose revision does not rise although it has an event',
        { expectedRevision: 9, put: putOf(GMAIL), leaseOwner: 'a' },
      ],
      ['that puts for a new user without a data key', { put: putOf(GMAIL) }],
      ['that starts a flow of a new user without a data key', { flows: [] }],
      ['that forgets and starts a flow', { expectedRevision: 1, forget: true, flows: [] }],
      ['under a lease without a put', { expectedRevision: 1, leaseOwner: 'somebody' }],
      ['under a lease without an owner', { expectedRevision: 1, put: putOf(GMAIL), leaseOwner: '' }],
      [
        'with a time that is not a number',
        {
          expectedRevision: 1,
          put: putOf(GMAIL, newRecord({ condition: { kind: 'dead', reason: 'grant_refused', since: Number.NaN } })),
        },
      ],
      ['with a fractional revision', { revision: 9.5, expectedRevision: 1 }],
      ['with a version beyond 2^52 - 1', { expectedRevision: 1, put: putOf(GMAIL, newRecord({ version: 2 ** 52 })) }],
    ])('a change %s throws a RangeError', async (_, fields) => {
      await expect(store().apply(newChange(newUser(), 9, fields))).rejects.toThrow(RangeError);
    });

    test('probe resolves while the store takes writes', async () => {
      await expect(store().probe()).resolves.toBeUndefined();
    });
  });
};
