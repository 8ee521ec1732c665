import { type UserId, userId } from '@vault-engine/model';
import { describe, expect, it } from 'vitest';
import type { Drift } from './compare.ts';
import type { Mark } from './marks.ts';
import { findDrift, type Rebuilt, rebuild } from './reconcile.ts';

const asUser = (text: string): UserId => userId(text) ?? expect.fail('no user id');
const SNAPSHOT: Mark = { kind: 'snapshot', revision: 1, digest: 1 };

/** Topic and store as lists of users, and the results of inspecting each user, in turn. */
const sceneOf = (onTopic: readonly string[], inStore: readonly string[], answers: Record<string, (Drift | null)[]>) => {
  const inspected: string[] = [];
  let [paced, graces] = [0, 0];
  const drifted = findDrift({
    store: {
      users: async function* () {
        yield* inStore.map(asUser);
      },
    },
    marks: {
      get: (user) => (onTopic.includes(user) ? SNAPSHOT : undefined),
      users: () => onTopic.map(asUser),
    },
    inspect: async (user) => {
      inspected.push(user);
      return answers[user]?.shift() ?? null;
    },
    pace: async (users) => {
      paced += users;
    },
    grace: async () => {
      graces += 1;
    },
  });
  return { drifted, inspected, counts: () => ({ paced, graces }) };
};

const all = async <T>(items: AsyncIterable<T>): Promise<readonly T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};

describe('drift', () => {
  it('is looked for in every user of the topic, and in those that only the store has', async () => {
    const users = Array.from({ length: 200 }, (_, index) => `u${index}`);
    const scene = sceneOf(users, [...users.slice(0, 150), 'new'], {});
    expect(await all(scene.drifted)).toEqual([]);
    expect(scene.inspected).toEqual([...users, 'new']);
    expect(scene.counts()).toEqual({ paced: 201, graces: 0 });
  });

  it('is a difference that remains after the grace time', async () => {
    const scene = sceneOf(['late', 'wrong'], ['new'], {
      late: ['outdated', null],
      wrong: ['outdated', 'different'],
      new: ['missing', 'missing'],
    });
    expect(await all(scene.drifted)).toEqual([
      { user: 'wrong', drift: 'different' },
      { user: 'new', drift: 'missing' },
    ]);
    expect(scene.counts()).toEqual({ paced: 3, graces: 1 });
  });
});

it('a rebuild republishes every user of the store and of the topic once, and reports its progress', async () => {
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
