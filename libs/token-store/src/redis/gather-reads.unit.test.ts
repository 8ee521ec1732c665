import { PortUnavailable } from '@vault-engine/vault';
import type { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { gatherReads } from './gather-reads.ts';
import type { Link } from './link.ts';

const once: Link['persist'] = (attempt) => attempt(false);

/** Answers each key with its own name; a script that names a bad one fails whole, as Redis lets it. */
const readerOn = (persist: Link['persist'] = once) => {
  const evalsha = vi.fn(async (_sha: string, _count: number, ...names: string[]) => {
    if (names.some((name) => name.startsWith('bad'))) throw new Error('WRONGTYPE');
    return names.map((name) => [name]);
  });
  // The one command that a read sends.
  const redis = { evalsha_roBuffer: evalsha } as unknown as Redis;
  const groups = () => evalsha.mock.calls.map(([, count]) => count / 2);
  return { read: gatherReads({ redis, persist }), groups };
};

it('answers each of those that came in one turn with its own, by one script', async () => {
  const { read, groups } = readerOn();
  const found = await Promise.all(['a', 'b', 'c'].map((user) => read(`u:${user}`, `t:${user}`)));
  expect(found).toEqual(['a', 'b', 'c'].map((user) => [[`u:${user}`], [`t:${user}`]]));
  expect(groups()).toEqual([3]);
});

it('lets no script grow beyond what Redis does in a moment', async () => {
  const { read, groups } = readerOn();
  await Promise.all(Array.from({ length: 70 }, (_, n) => read(`u:${n}`, `t:${n}`)));
  expect(groups()).toEqual([32, 32, 6]);
});

it('begins anew with the next turn', async () => {
  const { read, groups } = readerOn();
  await read('u:a', 't:a');
  await read('u:b', 't:b');
  expect(groups()).toEqual([1, 1]);
});

it('lets one that fails the script harm nobody else', async () => {
  const { read, groups } = readerOn();
  const [good, bad] = await Promise.allSettled([read('u:a', 't:a'), read('bad', 't:b')]);
  expect(good).toMatchObject({ status: 'fulfilled', value: [['u:a'], ['t:a']] });
  expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'WRONGTYPE' } });
  expect(groups()).toEqual([2, 1, 1]);
});

it('tells all of them of an outage, and asks no more', async () => {
  const persist = vi.fn(() => Promise.reject(new PortUnavailable('storage', 'no answer')));
  const { read } = readerOn(persist);
  const outcomes = await Promise.allSettled([read('u:a', 't:a'), read('u:b', 't:b')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(persist).toHaveBeenCalledOnce();
});
