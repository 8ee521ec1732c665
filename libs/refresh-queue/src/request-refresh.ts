import { type DueResult, type PlatformId, PortUnavailable, type UserId } from '@vault-engine/vault';
import { Queue, QueueEvents } from 'bullmq';
import { type DueJob, jobId, queueName, queuePrefix } from './due-job.ts';

/** The place of the queues, and the time limit. */
export interface RequestOptions {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url: string;
  /** Prefix of every key of the vault. */
  readonly keyPrefix: string;
  /** Time limit for a scheduler, milliseconds. */
  readonly withinMs: number;
}

/** No scheduler processed the request in time: none is running, or all are busy. The request may still be processed later. */
export class NoScheduler extends Error {
  override readonly name = 'NoScheduler';
}

/**
 * Has a scheduler refresh a connection now, and returns the result. Rejects with {@link NoScheduler} after `withinMs`, and
 * with `PortUnavailable` (`storage`) if the queues do not answer or the job fails.
 */
export const requestRefresh = async (
  { user, platform }: { readonly user: UserId; readonly platform: PlatformId },
  { url, keyPrefix, withinMs }: RequestOptions,
): Promise<DueResult['kind']> => {
  const shared = { prefix: queuePrefix(keyPrefix), connection: { url, maxRetriesPerRequest: 1 } };
  const queue = new Queue<DueJob, DueResult['kind']>(queueName(platform), shared);
  const events = new QueueEvents(queueName(platform), { ...shared, connection: { url, maxRetriesPerRequest: null } });
  // Errors reach the caller of each command; without a listener BullMQ prints them to the console.
  queue.on('error', () => undefined);
  events.on('error', () => undefined);
  try {
    await events.waitUntilReady();
    const data: DueJob = { user, platform, forced: true };
    const job = await queue.add('due', data, { jobId: jobId(data), removeOnComplete: true, removeOnFail: true });
    return await job.waitUntilFinished(events, withinMs);
  } catch (error) {
    throw explained(error, withinMs);
  } finally {
    await Promise.all([queue.close(), events.close()]);
  }
};

/** BullMQ marks a timeout of `waitUntilFinished` by its message only. */
const explained = (cause: unknown, withinMs: number): Error =>
  cause instanceof Error && cause.message.includes('timed out')
    ? new NoScheduler(`no scheduler processed the request within ${withinMs / 1_000} s`, { cause })
    : new PortUnavailable(
        'storage',
        'the refresh queues did not answer or the job failed; check Redis and the log of the refresh-scheduler',
        { cause },
      );
