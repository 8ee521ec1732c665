import { setTimeout as sleep } from 'node:timers/promises';
import type { BusRecord } from '@vault-engine/bus';
import { deadlineOf, timeoutIn } from '@vault-engine/protocol';
import type { DeadlineBudget } from '@vault-engine/vault';
import type { Authenticated, CommandInProgress } from './receive.ts';

/** An error reply leaves this long before the deadline, so that it arrives in time. */
export const REPLY_MARGIN_MS = 400;
/** How much of the time left is kept for the store, the audit log and the reply; half of it where less is left. */
const OWN_PARTS_MS = 1_000;

/**
 * Milliseconds from `now`, Unix milliseconds, to the command's deadline; 0 or less once it has passed. The deadline counts
 * from the broker's append time, so that of all clocks only the broker's and this process's matter.
 */
export const timeLeft = ({ record, headers }: Pick<Authenticated, 'record' | 'headers'>, now: number): number =>
  deadlineOf(record.timestamp, headers.timeoutMs) - now;

/**
 * Whether the deadline of a record that has just been read has passed, judged by headers that are not authenticated yet.
 * Such a command has no effect, so it need not wait for the commands of its user before it.
 */
export const arrivesLate = ({ timestamp, headers }: BusRecord, now: number): boolean => {
  const timeoutMs = timeoutIn(headers);
  return timeoutMs !== null && now >= deadlineOf(timestamp, timeoutMs);
};

/**
 * How long a mutating command waits for a provider. The user's next command waits too, because it has to find what this
 * one changes; the concurrency permit goes to other commands.
 */
export const deadlineBudgetOf = (
  from: Pick<CommandInProgress, 'record' | 'headers' | 'runOutsideConcurrencyLimit'>,
  now: () => number,
): DeadlineBudget => ({
  within: (ask, late) =>
    from.runOutsideConcurrencyLimit(unlessLate(ask(), late, timeForProvider(timeLeft(from, now())))),
  sleep: (ms) => from.runOutsideConcurrencyLimit(sleep(ms)),
});

const timeForProvider = (leftMs: number): number => Math.max(0, leftMs - Math.min(OWN_PARTS_MS, leftMs / 2));

const unlessLate = async <T>(answer: Promise<T>, late: T, ms: number): Promise<T> => {
  const waiting = new AbortController();
  try {
    return await Promise.race([answer, sleep(ms, late, { signal: waiting.signal })]);
  } finally {
    waiting.abort();
  }
};
