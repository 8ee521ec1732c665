import type { BusRecord } from '@vault-engine/bus';
import { HEADER } from '@vault-engine/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivesLate, deadlineBudgetOf } from './deadline.ts';
import type { CommandInProgress } from './receive.ts';

const record: BusRecord = { topic: '', partition: 0, offset: 0n, timestamp: 0, key: null, value: null, headers: {} };

/** The budget of a command that has `leftMs` to its deadline, and how often it waited outside the concurrency limit. */
const deadlineBudget = (leftMs: number) => {
  let waits = 0;
  const runOutsideConcurrencyLimit = <T>(work: Promise<T>): Promise<T> => {
    waits += 1;
    return work;
  };
  const headers = { timeoutMs: 10_000 } as CommandInProgress['headers']; // nothing else of them is looked at
  return {
    waits: () => waits,
    ...deadlineBudgetOf({ record, headers, runOutsideConcurrencyLimit }, () => 10_000 - leftMs),
  };
};

const never = () => new Promise<string>(() => undefined);

describe('the deadline budget', () => {
  it('answers what the provider answers, and waits outside the concurrency limit', async () => {
    const { within, sleep, waits } = deadlineBudget(5_000);
    expect(await within(async () => 'answer', 'late')).toBe('answer');
    await sleep(1);
    expect(waits()).toBe(2);
  });

  it.each([
    ['keeps a second of the time left for the store, the audit log and the reply', 2_300, 1_300],
    ['keeps half of it where less is left', 400, 200],
    ['ends at once when no time is left', -5, 0],
  ])('%s', async (_, leftMs, waitsMs) => {
    const begun = performance.now();
    expect(await deadlineBudget(leftMs).within(never, 'late')).toBe('late');
    const waited = performance.now() - begun;
    expect(waited).toBeGreaterThanOrEqual(waitsMs - 2); // timers may be early by as much
    expect(waited).toBeLessThan(waitsMs + 500);
  });

  it('rejects with a failure only while it waits', async () => {
    await expect(deadlineBudget(5_000).within(() => Promise.reject(new Error('broken')), 'late')).rejects.toThrow(
      'broken',
    );
    const failing = Promise.withResolvers<string>();
    expect(await deadlineBudget(20).within(() => failing.promise, 'late')).toBe('late');
    failing.reject(new Error('too late'));
  });
});

const recordWith = (timestamp: number, timeout: string | null): BusRecord => ({
  topic: 'vault.commands',
  partition: 0,
  offset: 0n,
  timestamp,
  key: null,
  value: null,
  headers: timeout === null ? {} : { [HEADER.timeoutMs]: Buffer.from(timeout) },
});

it('counts a record as late from its deadline on, and not before', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 40), fc.integer({ min: 1, max: 600_000 }), (appended, timeoutMs) => {
      const record = recordWith(appended, String(timeoutMs));
      expect(arrivesLate(record, appended + timeoutMs - 1)).toBe(false);
      expect(arrivesLate(record, appended + timeoutMs)).toBe(true);
    }),
  );
});

it.each([null, '', 'soon', '-5'])('does not count a record with the timeout %j as late', (timeout) => {
  expect(arrivesLate(recordWith(0, timeout), Number.MAX_SAFE_INTEGER)).toBe(false);
});
