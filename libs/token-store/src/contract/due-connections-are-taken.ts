import type { Due, TokenStore, UserId } from '@vault-engine/vault';
import { describe, expect, test, vi } from 'vitest';
import { connectUser, GMAIL, newChange, newDataKey, newUser, putOf, SLACK } from './samples.ts';

const ALL = 1_000_000;
const LATER_MS = 60_000;
const PAST = 1_000;
/** Later than any clock. */
const FUTURE = 8_000_000_000_000;

/** The guarantees of `takeDue`, `postpone`, `upcoming` and `dueStats`. */
export const dueConnectionsAreTaken = (store: () => TokenStore): void => {
  describe('due connections', () => {
    const taken = async (user: UserId, againInMs = LATER_MS): Promise<readonly Due[]> =>
      (await store().takeDue(ALL, againInMs)).filter((due) => due.user === user);
    const connect = async (dueAt: number | null): Promise<UserId> => {
      const user = newUser();
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, undefined, dueAt) }));
      return user;
    };

    test('a due connection is taken once; one that is due later or never is not taken', async () => {
      const [due, later, never] = [await connect(PAST), await connect(FUTURE), await connect(null)];
      const found = (await store().takeDue(ALL, LATER_MS)).filter(({ user }) => [due, later, never].includes(user));
      expect(found).toEqual([{ user: due, platform: GMAIL, dueAt: PAST }]);
      expect(await taken(due)).toEqual([]);
    });

    test('a taken connection is due again later if it is not postponed', async () => {
      const user = await connect(PAST);
      expect(await taken(user, 20)).toHaveLength(1);
      await vi.waitFor(async () => expect(await taken(user)).toHaveLength(1), { timeout: 5_000, interval: 10 });
    });

    test('each due connection goes to one of several concurrent callers', async () => {
      const users = await Promise.all(Array.from({ length: 20 }, () => connect(PAST)));
      const answers = await Promise.all(Array.from({ length: 5 }, () => store().takeDue(ALL, LATER_MS)));
      const found = answers.flat().map(({ user }) => user);
      expect(found.filter((user) => users.includes(user)).sort()).toEqual(users.toSorted());
    });

    test('a connection is postponed, and a missing one gets no entry', async () => {
      const user = await connect(FUTURE);
      await store().postpone({ user, platform: GMAIL, dueAt: PAST });
      await store().postpone({ user, platform: SLACK, dueAt: PAST });
      expect(await taken(user)).toEqual([{ user, platform: GMAIL, dueAt: PAST }]);
    });

    test('a removed connection and a forgotten user are not due', async () => {
      const user = newUser();
      const flows = [{ id: 'f', platform: SLACK, startedAt: 1, expiresAt: PAST }];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, undefined, PAST), flows }));
      await store().apply(newChange(user, 2, { expectedRevision: 1, remove: [GMAIL] }));
      expect(await taken(user, 1)).toEqual([{ user, platform: null, dueAt: PAST }]);
      await store().apply(newChange(user, 3, { expectedRevision: 2, forget: true }));
      await vi.waitFor(async () =>
        expect(await store().upcoming(ALL)).not.toContainEqual(expect.objectContaining({ user })),
      );
    });

    test('flows are due when the first of them expires, and never when there are none', async () => {
      const user = newUser();
      const flow = { id: 'f', platform: SLACK, startedAt: 1 };
      const flows = [
        { ...flow, expiresAt: FUTURE },
        { ...flow, platform: GMAIL, expiresAt: PAST },
      ];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), flows }));
      expect(await taken(user)).toEqual([{ user, platform: null, dueAt: PAST }]);
      await store().apply(newChange(user, 2, { expectedRevision: 1, flows: [] }));
      expect((await store().upcoming(ALL)).filter((due) => due.user === user)).toEqual([]);
    });

    test('a call returns at most the limit, and the rest comes later', async () => {
      const users = new Set(await Promise.all(Array.from({ length: 40 }, () => connect(PAST))));
      let most = 0;
      await vi.waitFor(
        async () => {
          const found = await store().takeDue(10, LATER_MS);
          most = Math.max(most, found.length);
          for (const { user } of found) users.delete(user);
          expect(users.size).toBe(0);
        },
        { timeout: 10_000, interval: 1 },
      );
      // Each shard of one round trip may round its share up.
      expect(most).toBeLessThanOrEqual(32);
    });

    test('upcoming returns entries in order of time and takes none', async () => {
      const [second, first] = [await connect(3), await connect(2)];
      const ours = (await store().upcoming(ALL)).filter(({ user }) => user === first || user === second);
      expect(ours.map(({ user }) => user)).toEqual([first, second]);
      expect(await taken(first)).toHaveLength(1);
    });

    test('stats count the due entries that are not taken, and the age of the oldest', async () => {
      // Other tests use the same store: only the difference is known.
      await store().takeDue(ALL, LATER_MS);
      const before = await store().dueStats();
      const user = await connect(Date.now() - 90_000);
      await connect(FUTURE);
      const after = await store().dueStats();
      expect(after.count).toBe(before.count + 1);
      expect(after.oldestMs).toBeGreaterThanOrEqual(90_000);
      expect(await taken(user)).toHaveLength(1);
      expect((await store().dueStats()).count).toBe(before.count);
    });

    test('a put under a lease without an event may keep the revision', async () => {
      const user = newUser();
      await connectUser(store(), user);
      const { record } = await store().readConnection(user, GMAIL);
      await store().claim({
        user,
        platform: GMAIL,
        owner: 'a',
        tokenVersion: record?.tokenVersion ?? 0,
        ttlMs: LATER_MS,
      });
      const change = newChange(user, 1, { expectedRevision: 1, put: putOf(GMAIL), leaseOwner: 'a' });
      const transition = { ...change.transition, events: [] };
      expect(await store().apply({ ...change, transition })).toMatchObject({ kind: 'applied' });
      expect((await store().readUser(user, GMAIL, null)).user?.revision).toBe(1);
    });
  });
};
