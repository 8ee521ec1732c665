import type { BusRecord } from '@vault-engine/bus';
import { describe, expect, it } from 'vitest';
import { deadlineBudgetOf } from './deadline-budget.ts';
import type { CommandInProgress } from './verdict.ts';

const record: BusRecord = { topic: '', partition: 0, offset: 0n, timestamp: 0, key: null, value: null, headers: {} };

/** The patience of a command that has `leftMs` to its deadline, and how often something was waited for aside. */
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

describe('patience with others', () => {
  it('answers what they answer, and waits aside', async () => {
    const { within, sleep, waits } = deadlineBudget(5_000);
    expect(await within(async () => 'answer', 'late')).toBe('answer');
    await sleep(1);
    expect(waits()).toBe(2);
  });

  it.each([
    ['leaves a second of the time that is left to the own parts', 2_300, 1_300],
    ['leaves them half of it where there is less', 400, 200],
    ['ends at once where no time is left', -5, 0],
  ])('%s', async (_, leftMs, waitsMs) => {
    const begun = performance.now();
    expect(await deadlineBudget(leftMs).within(never, 'late')).toBe('late');
    const waited = performance.now() - begun;
    expect(waited).toBeGreaterThanOrEqual(waitsMs - 2); // timers may be early by as much
    expect(waited).toBeLessThan(waitsMs + 500);
  });

  it('hears of a failure only while it waits', async () => {
    await expect(deadlineBudget(5_000).within(() => Promise.reject(new Error('broken')), 'late')).rejects.toThrow(
      'broken',
    );
    const failing = Promise.withResolvers<string>();
    expect(await deadlineBudget(20).within(() => failing.promise, 'late')).toBe('late');
    failing.reject(new Error('nobody waits any more'));
  });
});
