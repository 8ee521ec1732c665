import { setTimeout as sleep } from 'node:timers/promises';
import { errorOf, type Fault, faultOf, NoAnswer } from './faults.ts';

/** How long a call goes on. */
export interface RetryPolicy {
  /** All attempts of one call together, milliseconds. */
  readonly retryForMs: number;
  /** One attempt, milliseconds. */
  readonly attemptMs: number;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
}

const FIRST_DELAY_MS = 20;
const LONGEST_DELAY_MS = 320;

/**
 * Makes attempts until one succeeds, its fault is not a transient one, or the time is up; rejects with what
 * {@link errorOf} says, never with the driver's own error. `again` tells an attempt that an earlier one may have run.
 */
export const persist = async <T>(retryPolicy: RetryPolicy, attempt: (again: boolean) => Promise<T>): Promise<T> => {
  const giveUpAt = performance.now() + retryPolicy.retryForMs;
  for (let failures = 0; ; failures += 1) {
    const left = giveUpAt - performance.now();
    const outcome = await resultOf(attempt(failures > 0), Math.min(retryPolicy.attemptMs, Math.max(left, 1)));
    if (outcome.ok) return outcome.value;
    const delay = delayAfter(failures, retryPolicy.random);
    const late = performance.now() + delay >= giveUpAt;
    if (outcome.fault.kind !== 'transient' || late) throw errorOf(outcome.fault);
    await sleep(delay);
  }
};

type AttemptResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

/** ioredis has a time limit too, but it starts when a command leaves the queue for the pipeline, which may be later. */
const resultOf = async <T>(work: Promise<T>, limitMs: number): Promise<AttemptResult<T>> => {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer()), limitMs);
  });
  try {
    return { ok: true, value: await Promise.race([work, limit]) };
  } catch (error) {
    return { ok: false, fault: faultOf(error) };
  } finally {
    clearTimeout(timer);
  }
};

/** Doubles up to a limit, and is then drawn from its upper half, so that callers who failed together return apart. */
const delayAfter = (failures: number, random: () => number): number =>
  Math.min(FIRST_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS) * (0.5 + random() / 2);
