import type { BranchKeyStore, PlatformId, TokenStore, UserId } from '@vault-engine/vault';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Quarantine, QuarantineEntry } from '../quarantine.ts';
import { connectUser, GMAIL, newChange, newDataKey, newUser, pendingOf, putOf, SLACK } from './samples.ts';

/** A store on an empty database, and ways to write what the store itself never writes. */
export interface BreakableStore {
  readonly store: TokenStore & { readonly quarantine: Quarantine; readonly branchKeys: BranchKeyStore };
  /** What the store has reported as quarantined. */
  readonly reported: readonly Pick<QuarantineEntry, 'id' | 'kind' | 'reason'>[];
  /** Adds a transition without a user to the shard of `near`. */
  readonly plantPending: (near: UserId) => Promise<void>;
  /** Adds a member that names no connection, due at `dueAt`, to the shard of `near`. */
  readonly plantDue: (near: UserId, dueAt: number) => Promise<void>;
  readonly breakRecord: (user: UserId, platform: PlatformId) => Promise<void>;
  readonly repairRecord: (user: UserId, platform: PlatformId) => Promise<void>;
  readonly breakUser: (user: UserId) => Promise<void>;
  readonly close: () => Promise<void>;
}

const ALL = 1_000_000;
const LATER_MS = 60_000;
const PAST = 1_000;

/** The tests that every adapter with a quarantine passes: a broken entry stops neither recovery nor the scheduler. */
export const quarantineContract = (adapter: string, open: () => Promise<BreakableStore>): void => {
  describe(`quarantine contract: ${adapter}`, () => {
    let opened: BreakableStore | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());
    const here = (): BreakableStore => opened ?? expect.fail('the store is not open');
    const quarantined = async (kind: QuarantineEntry['kind']) =>
      (await here().store.quarantine.list(ALL)).filter((entry) => entry.kind === kind);
    const clear = async () => {
      for (const { id } of await here().store.quarantine.list(ALL)) await here().store.quarantine.discard(id);
    };
    const connectDue = async (): Promise<UserId> => {
      const user = newUser();
      const put = putOf(GMAIL, undefined, PAST);
      await here().store.apply(newChange(user, 1, { dataKey: newDataKey(), put }));
      return user;
    };
    const taken = async (user: UserId) =>
      (await here().store.takeDue(ALL, LATER_MS)).filter((due) => due.user === user);

    test('a broken pending transition is moved aside, and the transitions around it are returned', async () => {
      const { store, plantPending, reported } = here();
      const user = newUser();
      await connectUser(store, user);
      await plantPending(user);
      await store.apply(newChange(user, 2, { expectedRevision: 1 }));
      expect(await pendingOf(store, user)).toHaveLength(2);
      const [entry] = await quarantined('pending');
      expect(entry).toMatchObject({ reason: expect.stringContaining('transition'), dueAt: null });
      expect(entry?.content.length).toBeGreaterThan(0);
      expect(reported).toContainEqual({ id: entry?.id, kind: 'pending', reason: entry?.reason });
      expect(await pendingOf(store, user)).toHaveLength(2);
      expect(await quarantined('pending')).toHaveLength(1);
      await clear();
    });

    test('a transition that is put back and still broken returns to the quarantine', async () => {
      const { store, plantPending } = here();
      await plantPending(newUser());
      await store.pending(0, ALL);
      const [entry] = await quarantined('pending');
      expect(await store.quarantine.retry(entry?.id ?? '')).toBe(true);
      expect(await quarantined('pending')).toEqual([]);
      await store.pending(0, ALL);
      const [again] = await quarantined('pending');
      expect(again?.content).toEqual(entry?.content);
      await clear();
    });

    test('a broken due entry is moved aside, and the due connections around it are taken', async () => {
      const { store, plantDue } = here();
      const user = await connectDue();
      await plantDue(user, PAST - 1);
      expect(await taken(user)).toEqual([{ user, platform: GMAIL, dueAt: PAST }]);
      expect(await quarantined('due')).toMatchObject([{ dueAt: PAST - 1 }]);
      expect((await store.upcoming(ALL)).filter((due) => due.dueAt === PAST - 1)).toEqual([]);
      await clear();
    });

    test('upcoming passes over a broken due entry and leaves it in place', async () => {
      const { store, plantDue } = here();
      const user = await connectDue();
      await plantDue(user, PAST);
      expect((await store.upcoming(ALL)).filter((due) => due.user === user)).toHaveLength(1);
      expect(await quarantined('due')).toEqual([]);
      await taken(user);
      await clear();
    });

    test('a broken record is noted once, is not due, and comes back with a retry after its repair', async () => {
      const { store, breakRecord, repairRecord } = here();
      const user = await connectDue();
      await breakRecord(user, GMAIL);
      for (const read of [1, 2]) {
        await expect(store.readConnection(user, GMAIL), `read ${read}`).rejects.toMatchObject({ name: 'BrokenRow' });
      }
      await expect(store.readUser(user, GMAIL, null)).rejects.toMatchObject({ name: 'BrokenRow' });
      const noted = await quarantined('record');
      expect(noted).toMatchObject([{ dueAt: PAST, reason: expect.stringContaining('broken record row') }]);
      expect(await taken(user)).toEqual([]);
      await repairRecord(user, GMAIL);
      expect(await store.quarantine.retry(noted[0]?.id ?? '')).toBe(true);
      expect(await taken(user)).toEqual([{ user, platform: GMAIL, dueAt: PAST }]);
      expect(await quarantined('record')).toEqual([]);
    });

    test('a broken user’s row is noted for each connection that is read, and other users are read', async () => {
      const { store, breakUser } = here();
      const [user, other] = [newUser(), newUser()];
      await connectUser(store, user, [GMAIL, SLACK]);
      await connectUser(store, other);
      await breakUser(user);
      await expect(store.readConnection(user, GMAIL)).rejects.toMatchObject({ name: 'BrokenRow', kind: 'user' });
      expect(await quarantined('user')).toMatchObject([{ dueMember: null }]);
      expect((await store.readConnection(other, GMAIL)).record).not.toBeNull();
      await clear();
    });

    test('a discarded entry is gone, and an unknown id is neither found, discarded nor put back', async () => {
      const { store, plantDue } = here();
      await plantDue(newUser(), PAST);
      await store.takeDue(ALL, LATER_MS);
      const [entry] = await quarantined('due');
      const id = entry?.id ?? '';
      expect(await store.quarantine.find(id)).toEqual(entry);
      expect([await store.quarantine.discard(id), await store.quarantine.discard(id)]).toEqual([true, false]);
      for (const unknown of [id, '00.due.0000000000000000', 'no id', '']) {
        expect(await store.quarantine.find(unknown)).toBeNull();
        expect([await store.quarantine.discard(unknown), await store.quarantine.retry(unknown)]).toEqual([
          false,
          false,
        ]);
      }
    });

    test('the list is limited, oldest first', async () => {
      const { store, plantDue } = here();
      for (const user of [newUser(), newUser(), newUser()]) await plantDue(user, PAST);
      await store.takeDue(ALL, LATER_MS);
      const all = await store.quarantine.list(ALL);
      expect(all).toHaveLength(3);
      expect(await store.quarantine.list(2)).toEqual(all.slice(0, 2));
      await clear();
    });
  });
};
