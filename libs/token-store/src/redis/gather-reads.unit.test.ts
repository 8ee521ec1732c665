import { PortUnavailable } from '@vault-engine/vault';
import type { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { gatherReads } from './gather-reads.ts';
import type { Link } from './link.ts';
import type { Mark } from './recent-connections.ts';

const once: Link['retry'] = (attempt) => attempt(false);

/** Replies with each connection's keys. A script with a bad key fails as a whole, as in Redis. */
const readerOn = (retry: Link['retry'] = once) => {
  const evalsha = vi.fn(async (_sha: string, count: number, ...args: string[]) => {
    const keys = args.slice(0, count);
    if (keys.some((key) => key.startsWith('bad'))) throw new Error('WRONGTYPE');
    return Array.from({ length: count / 2 }, (_, at) => keys.slice(2 * at, 2 * at + 2));
  });
  // A read sends no other command.
  const redis = { evalsha_roBuffer: evalsha } as unknown as Redis;
  const gathered = gatherReads({ redis, retry });
  const read = (user: string, record: string, mark: Mark | null = null) => gathered({ names: { user, record }, mark });
  const groups = () => evalsha.mock.calls.map(([, count]) => count / 2);
  const marks = () => evalsha.mock.calls.map((args) => args.at(-1));
  return { read, groups, marks };
};

it('resolves each read of one turn of the event loop with its own item of one script', async () => {
  const { read, groups } = readerOn();
  const found = await Promise.all(['a', 'b', 'c'].map((user) => read(`u:${user}`, `t:${user}`)));
  expect(found).toEqual(['a', 'b', 'c'].map((user) => [`u:${user}`, `t:${user}`]));
  expect(groups()).toEqual([3]);
});

it('limits a script to 32 connections', async () => {
  const { read, groups } = readerOn();
  await Promise.all(Array.from({ length: 70 }, (_, n) => read(`u:${n}`, `t:${n}`)));
  expect(groups()).toEqual([32, 32, 6]);
});

it('sends the mark of each known connection at its position', async () => {
  const { read, marks } = readerOn();
  await Promise.all([read('u:a', 't:a'), read('u:b', 't:b', { transition: 'some-id', version: '7' })]);
  expect(marks()).toEqual(['- - some-id 7']);
});

it('starts a new script with the next turn', async () => {
  const { read, groups } = readerOn();
  await read('u:a', 't:a');
  await read('u:b', 't:b');
  expect(groups()).toEqual([1, 1]);
});

it('a connection that fails the script fails no other read', async () => {
  const { read, groups } = readerOn();
  const [good, bad] = await Promise.allSettled([read('u:a', 't:a'), read('bad', 't:b')]);
  expect(good).toMatchObject({ status: 'fulfilled', value: ['u:a', 't:a'] });
  expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'WRONGTYPE' } });
  expect(groups()).toEqual([2, 1, 1]);
});

it('rejects all reads of a group in an outage and sends no further script', async () => {
  const retry = vi.fn(() => Promise.reject(new PortUnavailable('storage', 'no answer')));
  const { read } = readerOn(retry);
  const outcomes = await Promise.allSettled([read('u:a', 't:a'), read('u:b', 't:b')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(retry).toHaveBeenCalledOnce();
});
