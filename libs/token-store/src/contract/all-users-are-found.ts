import type { TokenStore } from '@vault-engine/vault';
import { describe, expect, test } from 'vitest';
import { asUser, connectUser, GMAIL, newChange, newUser, SLACK } from './samples.ts';

/** The guarantees of `users`. */
export const allUsersAreFound = (store: () => TokenStore): void => {
  const found = async (): Promise<ReadonlySet<string>> => {
    const users = new Set<string>();
    for await (const user of store().users()) users.add(user);
    return users;
  };

  describe('users', () => {
    test('every user with a row is found, whatever the id looks like', async () => {
      const users = ['u', 'u'.repeat(128), 'a.b_c@d|e+f-g', 'u-u', '-', '.'].map(asUser);
      for (const user of users) await connectUser(store(), user, [GMAIL, SLACK]);
      const all = await found();
      expect(users.filter((user) => !all.has(user))).toEqual([]);
    });

    test('a user without a connection is found, a forgotten user is not', async () => {
      const [revoked, forgotten] = [newUser(), newUser()];
      for (const user of [revoked, forgotten]) await connectUser(store(), user);
      await store().apply(newChange(revoked, 2, { expectedRevision: 1, remove: [GMAIL] }));
      await store().apply(newChange(forgotten, 2, { expectedRevision: 1, forget: true }));
      const all = await found();
      expect([all.has(revoked), all.has(forgotten)]).toEqual([true, false]);
    });

    test('more users than one step returns are all found while others are added', async () => {
      const users = Array.from({ length: 1_500 }, newUser);
      await Promise.all(users.map((user) => connectUser(store(), user)));
      const seen = new Set<string>();
      for await (const user of store().users()) {
        seen.add(user);
        if (seen.size % 100 === 0) await connectUser(store(), newUser());
      }
      expect(users.filter((user) => !seen.has(user))).toEqual([]);
    });

    test('an iteration that stops early does not disturb the next one', async () => {
      await connectUser(store(), newUser());
      for await (const user of store().users()) {
        expect(user).toBeTruthy();
        break;
      }
      expect((await found()).size).toBeGreaterThan(0);
    });
  });
};
