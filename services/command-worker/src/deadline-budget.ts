import { setTimeout as sleep } from 'node:timers/promises';
import type { DeadlineBudget } from '@vault-engine/vault';
import { timeLeft } from './time-left.ts';
import type { CommandInProgress } from './verdict.ts';

/** How much of a command's time is left to the store, the audit log and the reply; half of it where it has less. */
const OWN_PARTS_MS = 1_000;

/**
 * How long a mutating command waits for those outside. The lane stays its own, for the user's next command has to find what
 * this one does; its place goes to others.
 */
export const deadlineBudgetOf = (
  from: Pick<CommandInProgress, 'record' | 'headers' | 'runOutsideConcurrencyLimit'>,
  now: () => number,
): DeadlineBudget => ({
  within: (ask, late) => from.runOutsideConcurrencyLimit(unlessLate(ask(), late, timeForOthers(timeLeft(from, now())))),
  sleep: (ms) => from.runOutsideConcurrencyLimit(sleep(ms)),
});

const timeForOthers = (leftMs: number): number => Math.max(0, leftMs - Math.min(OWN_PARTS_MS, leftMs / 2));

const unlessLate = async <T>(answer: Promise<T>, late: T, ms: number): Promise<T> => {
  const waiting = new AbortController();
  try {
    return await Promise.race([answer, sleep(ms, late, { signal: waiting.signal })]);
  } finally {
    waiting.abort();
  }
};
