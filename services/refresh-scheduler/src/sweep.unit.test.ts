import type { DueJob } from '@vault-engine/refresh-queue';
import { type Due, type PlatformId, PortUnavailable } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { type Dispatched, type SweepParts, sweep } from './sweep.ts';
import { asUser, GMAIL, SLACK } from './testing/due-samples.ts';

const NOW = 1_700_000_000_000;

const dueOn = (platform: PlatformId | null, count: number): Due[] =>
  Array.from({ length: count }, (_, at) => ({ user: asUser(`u${at}`), platform, dueAt: NOW - at }));

/** A store with the entries `due`, queues with `waiting` jobs, and a record of what a sweep does to them. */
const openParts = (due: Due[], waiting: ReadonlyMap<PlatformId | null, number> = new Map()) => {
  const left = [...due];
  const added: DueJob[] = [];
  const postponed: Due[] = [];
  const dispatched: [PlatformId | null, Dispatched][] = [];
  const stopping = new AbortController();
  let taken = 0;
  const parts: SweepParts = {
    store: {
      takeDue: async (limit) => {
        taken += 1;
        return left.splice(0, limit);
      },
      postpone: async (each) => {
        postponed.push(each);
      },
    },
    queues: {
      add: async (_platform, jobs) => {
        added.push(...jobs);
      },
      waiting: async (platform) =>
        (waiting.get(platform) ?? 0) + added.filter((job) => job.platform === platform).length,
    },
    batch: 10,
    againInMs: 30_000,
    mayWait: 100,
    now: () => NOW,
    random: () => 0.5,
    signal: stopping.signal,
    onDispatched: (platform, each) => dispatched.push([platform, each]),
  };
  return { parts, added, postponed, dispatched, stopping, left, taken: () => taken };
};

test('a sweep continues until nothing is due', async () => {
  const { parts, added, taken } = openParts(dueOn(GMAIL, 35));
  await sweep(parts);
  expect(added).toHaveLength(35);
  expect(taken()).toBe(5);
});

test('a job contains its connection, or a user with expired flows, and nothing else', async () => {
  const { parts, added } = openParts([...dueOn(GMAIL, 1), ...dueOn(null, 1)]);
  await sweep(parts);
  expect(added).toEqual([
    { user: 'u0', platform: 'gmail' },
    { user: 'u0', platform: null },
  ]);
});

test('a queue takes as many jobs as it has room for, oldest first; the rest is postponed', async () => {
  const { parts, added, postponed, dispatched } = openParts(dueOn(GMAIL, 8), new Map([[GMAIL, 97]]));
  await sweep(parts);
  expect(added.map(({ user }) => user)).toEqual(['u7', 'u6', 'u5']);
  expect(postponed.map(({ user }) => user)).toEqual(['u4', 'u3', 'u2', 'u1', 'u0']);
  expect(new Set(postponed.map(({ dueAt }) => dueAt))).toEqual(new Set([NOW + 15_000]));
  expect(dispatched).toEqual([[GMAIL, { queued: 3, putOff: 5 }]]);
});

test('a full queue does not affect the others', async () => {
  const { parts, added, postponed } = openParts([...dueOn(GMAIL, 5), ...dueOn(SLACK, 5)], new Map([[GMAIL, 5_000]]));
  await sweep(parts);
  expect(added.map(({ platform }) => platform)).toEqual(Array.from({ length: 5 }, () => SLACK));
  expect(postponed).toHaveLength(5);
});

test('a stopping scheduler takes no further batch', async () => {
  const { parts, added, stopping, left } = openParts(dueOn(GMAIL, 35));
  await sweep({ ...parts, onDispatched: () => stopping.abort() });
  expect([added.length, left.length]).toEqual([10, 25]);
});

test('an outage ends the sweep', async () => {
  const { parts } = openParts(dueOn(GMAIL, 3));
  const outage = new PortUnavailable('storage', 'the queues do not answer');
  const add = () => Promise.reject(outage);
  await expect(sweep({ ...parts, queues: { ...parts.queues, add } })).rejects.toBe(outage);
});
