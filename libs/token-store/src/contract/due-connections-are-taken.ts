import type { Due, TokenStore, UserId } from '@vault-engine/vault';
import { describe, expect, test, vi } from 'vitest';
import { connectUser, GMAIL, newChange, newDataKey, newUser, putOf, SLACK } from './samples.ts';

const ALL = 1_000_000;
const LATER_MS = 60_000;
const PAST = 1_000;
/** Far ahead of any clock. */
const FUTURE = 8_000_000_000_000;

/** What `takeDue`, `postpone` and `upcoming` promise. */
export const timeBringsAttention = (store: () => TokenStore): void => {
  describe('falling due', () => {
    const taken = async (user: UserId, againInMs = LATER_MS): Promise<readonly Due[]> =>
      (await store().takeDue(ALL, againInMs)).filter((due) => due.user === user);
    const connect = async (dueAt: number | null): Promise<UserId> => {
      const user = newUser();
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, undefined, dueAt) }));
      return user;
    };

    test('is taken once, and what is not due or never will be is not', async () => {
      const [due, later, never] = [await connect(PAST), await connect(FUTURE), await connect(null)];
      const found = (await store().takeDue(ALL, LATER_MS)).filter(({ user }) => [due, later, never].includes(user));
      expect(found).toEqual([{ user: due, platform: GMAIL, dueAt: PAST }]);
      expect(await taken(due)).toEqual([]);
    });

    test('comes again where whoever took it does nothing', async () => {
      const user = await connect(PAST);
      expect(await taken(user, 20)).toHaveLength(1);
      await vi.waitFor(async () => expect(await taken(user)).toHaveLength(1), { timeout: 5_000, interval: 10 });
    });

    test('goes to one of several who ask at once', async () => {
      const users = await Promise.all(Array.from({ length: 20 }, () => connect(PAST)));
      const answers = await Promise.all(Array.from({ length: 5 }, () => store().takeDue(ALL, LATER_MS)));
      const found = answers.flat().map(({ user }) => user);
      expect(found.filter((user) => users.includes(user)).sort()).toEqual(users.toSorted());
    });

    test('is put off by whoever has looked, and not at all for a connection that is gone', async () => {
      const user = await connect(FUTURE);
      await store().postpone({ user, platform: GMAIL, dueAt: PAST });
      await store().postpone({ user, platform: SLACK, dueAt: PAST });
      expect(await taken(user)).toEqual([{ user, platform: GMAIL, dueAt: PAST }]);
    });

    test('ends with the connection and with the user', async () => {
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

    test('of flows is when the first of them is over, and never where there are none', async () => {
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

    test('hands out no more than was asked for, and the rest the next time', async () => {
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
      // Each of the shards that are asked at once may round its share up.
      expect(most).toBeLessThanOrEqual(32);
    });

    test('is told in its order without being taken', async () => {
      const [second, first] = [await connect(3), await connect(2)];
      const ours = (await store().upcoming(ALL)).filter(({ user }) => user === first || user === second);
      expect(ours.map(({ user }) => user)).toEqual([first, second]);
      expect(await taken(first)).toHaveLength(1);
    });

    test('a put under a lease may leave the revision where nobody is told', async () => {
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
