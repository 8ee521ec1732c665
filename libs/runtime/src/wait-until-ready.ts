import { setTimeout as sleepFor } from 'node:timers/promises';
import { errorLabel } from './describe-error.ts';
import type { Health, PartState } from './health.ts';
import { isOutage } from './is-outage.ts';
import type { Log } from './log.ts';

/** Waits `ms`, or rejects when `signal` is aborted. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** Where the state of a part is written. */
interface PartObserver {
  readonly part: string;
  readonly health: Health;
  readonly log: Log;
}

export interface WaitOptions extends PartObserver {
  /** Ends the waiting: the promise rejects. */
  readonly signal: AbortSignal;
  readonly firstDelayMs?: number;
  readonly longestDelayMs?: number;
  readonly sleep?: Sleep;
  /** Which failures another attempt may mend; default {@link isOutage}. */
  readonly outage?: (error: unknown) => boolean;
}

const realSleep: Sleep = (ms, signal) => sleepFor(ms, undefined, { signal });

/**
 * Calls `attempt` until it succeeds, with doubling delays; meanwhile the part is `waiting` in `health`. Logs once per change
 * of state, not per attempt. Rejects with the first failure that is not an outage, and with the signal's reason.
 */
export const waitUntilReady = async <Value>(attempt: () => Promise<Value>, options: WaitOptions): Promise<Value> => {
  const { signal, firstDelayMs = 200, longestDelayMs = 5000, sleep = realSleep, outage = isOutage } = options;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    signal.throwIfAborted();
    try {
      const value = await attempt();
      report(options, { state: 'ready' });
      return value;
    } catch (error) {
      if (!outage(error)) throw error;
      report(options, { state: 'waiting', reason: errorLabel(error) }, error);
    }
    await sleep(delayMs, signal);
  }
};

export interface WatchOptions extends PartObserver {
  readonly signal: AbortSignal;
  readonly everyMs?: number;
  readonly sleep?: Sleep;
}

/**
 * Probes an open part until `signal` is aborted and sets its state in `health`: `waiting` after any failure of the probe.
 * `probe` has to have a time limit of its own.
 */
export const watchPart = async (probe: () => Promise<void>, options: WatchOptions): Promise<void> => {
  const { signal, everyMs = 5000, sleep = realSleep } = options;
  while (!signal.aborted) {
    await probe().then(
      () => report(options, { state: 'ready' }),
      (error: unknown) => report(options, { state: 'waiting', reason: errorLabel(error) }, error),
    );
    await sleep(everyMs, signal).catch(() => {});
  }
};

const report = ({ part, health, log }: PartObserver, state: PartState, error?: unknown): void => {
  if (!health.set(part, state)) return;
  if (state.state === 'ready') log.info('part ready', { part });
  else log.warn('part unavailable', { part, reason: state.reason, error });
};
