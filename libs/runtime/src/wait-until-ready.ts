import { setTimeout as sleepFor } from 'node:timers/promises';
import { errorLabel } from './describe-error.ts';
import type { Health, PartState } from './health.ts';
import { isOutage } from './is-outage.ts';
import type { Log } from './log.ts';

/** Waits `ms`, or rejects when `signal` is aborted. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** Where the state of a part is told. */
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
  /** Which failures are waited out; {@link isOutage} where nothing is said. */
  readonly outage?: (error: unknown) => boolean;
}

const realSleep: Sleep = (ms, signal) => sleepFor(ms, undefined, { signal });

/**
 * Tries `attempt` until it succeeds, with delays that double; meanwhile the part is `waiting` in `health`. Logs once per
 * change of state, not per try. Rejects with the first failure that is no outage, and with the signal's reason.
 */
export const waitUntilReady = async <Value>(attempt: () => Promise<Value>, options: WaitOptions): Promise<Value> => {
  const { signal, firstDelayMs = 200, longestDelayMs = 5000, sleep = realSleep, outage = isOutage } = options;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    signal.throwIfAborted();
    try {
      const value = await attempt();
      tell(options, { state: 'ready' });
      return value;
    } catch (error) {
      if (!outage(error)) throw error;
      tell(options, { state: 'waiting', reason: errorLabel(error) }, error);
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
 * Probes an opened part until `signal` is aborted and keeps its state in `health`. Every failure of the probe counts as
 * waiting. A probe that hangs is the probe's fault: give it a time limit.
 */
export const watchPart = async (probe: () => Promise<void>, options: WatchOptions): Promise<void> => {
  const { signal, everyMs = 5000, sleep = realSleep } = options;
  while (!signal.aborted) {
    await probe().then(
      () => tell(options, { state: 'ready' }),
      (error: unknown) => tell(options, { state: 'waiting', reason: errorLabel(error) }, error),
    );
    await sleep(everyMs, signal).catch(() => {});
  }
};

const tell = ({ part, health, log }: PartObserver, state: PartState, error?: unknown): void => {
  if (!health.set(part, state)) return;
  if (state.state === 'ready') log.info('part is ready', { part });
  else log.warn('waiting for a part', { part, reason: state.reason, error });
};
