import type { TokenStore } from '@vault-engine/vault';
import { describe, expect, test, vi } from 'vitest';
import { connectUser, GMAIL, newChange, newDataKey, newTransition, newUser, pendingOf, putOf } from './samples.ts';

/** The guarantees of `pending` and `settle`. */
export const transitionsStayPending = (store: () => TokenStore): void => {
  describe('pending transitions', () => {
    test('the transition of a change is pending as written, with its events in order', async () => {
      const user = newUser();
      const transition = { ...newTransition(user), events: [1, 2, 3].map((event) => Buffer.from([event, 0, 255])) };
      const applied = await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), transition }));
      expect(await pendingOf(store(), user)).toEqual([
        { ref: applied.kind === 'applied' ? applied.pending : null, transition },
      ]);
    });

    test('a transition may have no event', async () => {
      const user = newUser();
      const transition = { ...newTransition(user), events: [] };
      await store().apply(newChange(user, 1, { transition }));
      expect((await pendingOf(store(), user)).map((found) => found.transition)).toEqual([transition]);
    });

    test('a settled transition is gone, and settling it again succeeds', async () => {
      const user = newUser();
      await connectUser(store(), user);
      const refs = (await pendingOf(store(), user)).map(({ ref }) => ref);
      await store().settle(refs);
      expect(await pendingOf(store(), user)).toEqual([]);
      await expect(store().settle(refs)).resolves.toBeUndefined();
      await expect(store().settle([])).resolves.toBeUndefined();
    });

    test('a transition is not returned before it is old enough', async () => {
      const user = newUser();
      await connectUser(store(), user);
      expect(await pendingOf(store(), user, 60_000)).toEqual([]);
      await vi.waitFor(async () => expect(await pendingOf(store(), user, 30)).toHaveLength(1));
    });

    test('the transitions of a user are returned oldest first', async () => {
      const user = newUser();
      const ids: string[] = [];
      for (let at = 0; at < 20; at += 1) {
        const start = at === 0 ? { dataKey: newDataKey(), put: putOf(GMAIL) } : { expectedRevision: at };
        const change = newChange(user, at + 1, start);
        await store().apply(change);
        ids.push(change.transition.id);
      }
      expect((await pendingOf(store(), user)).map(({ transition }) => transition.id)).toEqual(ids);
    });

    test('a transition outlives its user', async () => {
      const user = newUser();
      const revision = await connectUser(store(), user);
      const forget = newChange(user, revision + 1, { expectedRevision: revision, forget: true });
      await store().apply(forget);
      const ids = (await pendingOf(store(), user)).map(({ transition }) => transition.id);
      expect(ids.at(-1)).toBe(forget.transition.id);
    });

    test('a call returns at most the limit, and every transition is returned in the end', async () => {
      const users = Array.from({ length: 30 }, newUser);
      await Promise.all(users.map((user) => connectUser(store(), user)));
      const waiting = new Set<string>(users);
      await vi.waitFor(
        async () => {
          const found = await store().pending(0, 4);
          expect(found.length).toBeLessThanOrEqual(4);
          for (const { transition } of found) waiting.delete(transition.user);
          await store().settle(found.map(({ ref }) => ref));
          expect(waiting.size).toBe(0);
        },
        { timeout: 20_000, interval: 1 },
      );
    });
  });
};
