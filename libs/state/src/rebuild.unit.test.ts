import { type UserId, userId } from '@vault-engine/model';
import { expect, it } from 'vitest';
import { type Rebuilt, rebuild } from './rebuild.ts';

const asUser = (text: string): UserId => userId(text) ?? expect.fail('no user id');

it('a rebuild renews every user of the store and everybody whom only the topic has, once, and tells how far it is', async () => {
  const stored = Array.from({ length: 100 }, (_, index) => `u${index}`);
  const republished: string[] = [];
  const progress: Rebuilt[] = [];
  const rebuilt = await rebuild({
    store: {
      users: async function* () {
        yield* stored.map(asUser);
      },
    },
    marks: { users: () => ['u1', 'u2', 'gone'].map(asUser) },
    republish: async (user) => {
      republished.push(user);
      return user === 'gone' ? 'tombstone' : 'snapshot';
    },
    onProgress: (so) => progress.push(so),
  });
  expect(republished).toEqual([...stored, 'gone']);
  expect(rebuilt).toEqual({ snapshots: 100, tombstones: 1 });
  expect(progress).toEqual([
    { snapshots: 64, tombstones: 0 },
    { snapshots: 100, tombstones: 0 },
    { snapshots: 100, tombstones: 1 },
  ]);
});
