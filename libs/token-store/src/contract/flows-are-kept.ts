import type { Flow, TokenStore } from '@vault-engine/vault';
import { describe, expect, test } from 'vitest';
import { connectUser, GMAIL, newChange, newDataKey, newUser, SLACK } from './samples.ts';

const flow = (fields: Partial<Flow> = {}): Flow => ({
  id: 'f1',
  platform: SLACK,
  startedAt: 5,
  expiresAt: 9,
  ...fields,
});

/** The guarantees of `Change.flows`. */
export const flowsAreKept = (store: () => TokenStore): void => {
  describe('flows', () => {
    const flowsOf = async (user: ReturnType<typeof newUser>) => (await store().readUser(user, GMAIL, null)).flows;

    test('are empty for a user without flows', async () => {
      const user = newUser();
      await connectUser(store(), user);
      expect(await flowsOf(user)).toEqual([]);
    });

    test('are read as written, also when one platform is requested', async () => {
      const [user, flows] = [newUser(), [flow(), flow({ id: 'of "quotes"', platform: GMAIL })]];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), flows }));
      expect(await flowsOf(user)).toEqual(flows);
    });

    test('stay in a change with null, and are deleted by an empty list', async () => {
      const user = newUser();
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), flows: [flow()] }));
      await store().apply(newChange(user, 2, { expectedRevision: 1 }));
      expect(await flowsOf(user)).toEqual([flow()]);
      await store().apply(newChange(user, 3, { expectedRevision: 2, flows: [] }));
      expect(await flowsOf(user)).toEqual([]);
    });

    test('are deleted with a forgotten user', async () => {
      const user = newUser();
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), flows: [flow()] }));
      await store().apply(newChange(user, 2, { expectedRevision: 1, forget: true }));
      expect(await store().readUser(user, null, null)).toMatchObject({ user: null, flows: [] });
    });
  });
};
