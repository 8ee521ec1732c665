import { setTimeout as sleep } from 'node:timers/promises';
import { errorOf, type Fault, faultOf, NoAnswer } from './faults.ts';

/** The time limits of one call of the store. */
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
 * Repeats `attempt` until it succeeds, fails for a reason that is not transient, or the time limit is reached. `again` is true for
 * every attempt after the first: an earlier one may have run on the server without its reply arriving.
 *
 * Rejects with {@link errorOf} the fault, never with the driver's own error.
 */
export const retryTransient = async <T>(
  retryPolicy: RetryPolicy,
  attempt: (again: boolean) => Promise<T>,
): Promise<T> => {
  const giveUpAt = performance.now() + retryPolicy.retryForMs;
  for (let failures = 0; ; failures += 1) {
    const left = giveUpAt - performance.now();
    const result = await resultOf(attempt(failures > 0), Math.min(retryPolicy.attemptMs, Math.max(left, 1)));
    if (result.ok) return result.value;
    const delay = delayAfter(failures, retryPolicy.random);
    const late = performance.now() + delay >= giveUpAt;
    if (result.fault.kind !== 'transient' || late) throw errorOf(result.fault);
    await sleep(delay);
  }
};

type AttemptResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

/** Limits one attempt. The limit of ioredis starts when a command leaves its pipeline queue, which may be later. */
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

/** Exponential up to a limit. The jitter spreads callers that failed at the same time. */
const delayAfter = (failures: number, random: () => number): number =>
  Math.min(FIRST_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS) * (0.5 + random() / 2);
