import { setTimeout as sleep } from 'node:timers/promises';
import { type Outgoing, type Publisher, PublishFailed, type PublishReason } from '@vault-engine/bus';
import { timeLeft } from './deadline.ts';
import type { CommandInProgress } from './receive.ts';

/**
 * How a delivery ended. `undeliverable`: the address does not exist or does not accept the reply, and another attempt would
 * not change that. `expired`: no attempt was acknowledged before the deadline. `dropped`: the engine has too many
 * unacknowledged replies; the reply was sent once without waiting.
 */
export type Delivery = 'sent' | 'undeliverable' | 'expired' | 'dropped';

/** Pause between two attempts. */
const RETRY_MS = 250;
/** The first attempt is given this long even if the deadline is nearer. */
const FIRST_ATTEMPT_MS = 1_000;
/** A reply that is acknowledged within this time is acknowledged before the next command of its user begins. */
const PROMPT_MS = 50;

type Delivered = Exclude<Delivery, 'dropped'> | 'interrupted';

/** What a delivery needs of its command. */
type Replied = Pick<CommandInProgress, 'record' | 'headers' | 'signal' | 'releaseKeyOrder'>;

/**
 * Delivers replies: the same bytes again until they are acknowledged or the command's deadline has passed. The result is
 * `interrupted` when the worker's stop comes first: the command will be delivered again. The command itself is not executed
 * or audited again.
 *
 * The next command of the user begins, and the concurrency permit is free for others, when the reply is acknowledged, or
 * after 50 ms without an acknowledgement, or at once while another reply to the same partition has been waiting for longer
 * than that. So replies to one user keep their order while brokers are healthy, and a partition that accepts nothing
 * occupies no permits.
 */
export const openDelivery = (
  replies: Pick<Publisher, 'send'>,
  now: () => number,
): ((from: Replied, message: Outgoing) => Promise<Delivered>) => {
  const slow = new Map<string, number>();
  return async (from, message) => {
    const partition = `${message.topic} ${message.partition}`;
    if (slow.has(partition)) from.releaseKeyOrder();
    let isSlow = false;
    const timer = setTimeout(() => {
      isSlow = true;
      slow.set(partition, (slow.get(partition) ?? 0) + 1);
      from.releaseKeyOrder();
    }, PROMPT_MS);
    try {
      return await deliverUntilDeadline(replies, from, message, now);
    } finally {
      clearTimeout(timer);
      if (isSlow) leave(slow, partition);
    }
  };
};

const leave = (counts: Map<string, number>, key: string): void => {
  const left = (counts.get(key) ?? 1) - 1;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
};

const deliverUntilDeadline = async (
  replies: Pick<Publisher, 'send'>,
  from: Replied,
  message: Outgoing,
  now: () => number,
): Promise<Delivered> => {
  for (let leastMs = FIRST_ATTEMPT_MS; ; leastMs = 0) {
    const attempt = await within(Math.max(leastMs, timeLeft(from, now())), sendOnce(replies, message));
    if (attempt === 'sent' || attempt === 'undeliverable') return attempt;
    if (from.signal.aborted) return 'interrupted';
    if (timeLeft(from, now()) <= RETRY_MS) return 'expired';
    await sleep(RETRY_MS, undefined, { signal: from.signal }).catch(() => undefined);
  }
};

/** One attempt. `failed`: another one may succeed. Rejects on an error that is not the publisher's. */
export const sendOnce = async (
  replies: Pick<Publisher, 'send'>,
  message: Outgoing,
): Promise<'sent' | 'undeliverable' | 'failed'> => {
  try {
    await replies.send(message);
    return 'sent';
  } catch (error) {
    if (!(error instanceof PublishFailed)) throw error;
    return PERMANENT.has(error.reason) ? 'undeliverable' : 'failed';
  }
};

/** The publisher looks a topic up again before it reports `unknown_topic`. */
const PERMANENT: ReadonlySet<PublishReason> = new Set(['no_such_partition', 'unknown_topic', 'too_large', 'refused']);

/** Node keeps one list of timers for each duration: steps let commands share a few lists. */
const STEP_MS = 250;

/** The outcome of the attempt, or `failed` after `ms`, rounded up to {@link STEP_MS}: a broker may still acknowledge it, and nobody waits for that. */
const within = async <T>(ms: number, attempt: Promise<T>): Promise<T | 'failed'> => {
  const late = Promise.withResolvers<'failed'>();
  const timer = setTimeout(() => late.resolve('failed'), Math.ceil(ms / STEP_MS) * STEP_MS);
  try {
    return await Promise.race([attempt, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};
