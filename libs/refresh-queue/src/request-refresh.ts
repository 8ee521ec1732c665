import { type DueResult, type PlatformId, PortUnavailable, type UserId } from '@vault-engine/vault';
import { Queue, QueueEvents } from 'bullmq';
import { type DueJob, jobId, queueName, queuePrefix } from './due-job.ts';

/** Where the queues are, and how long a scheduler has. */
export interface RequestOptions {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url: string;
  /** Begins every key of the vault. */
  readonly keyPrefix: string;
  /** Milliseconds. */
  readonly withinMs: number;
}

/** No scheduler has done it in time: none runs, or all are busy. It may yet be done. */
export class NoScheduler extends Error {
  override readonly name = 'NoScheduler';
}

/**
 * Lets a scheduler refresh a connection now, and answers what came of it. Rejects with {@link NoScheduler}, and with
 * `PortUnavailable` (`storage`) where the queues do not answer.
 */
export const requestRefresh = async (
  { user, platform }: { readonly user: UserId; readonly platform: PlatformId },
  { url, keyPrefix, withinMs }: RequestOptions,
): Promise<DueResult['kind']> => {
  const shared = { prefix: queuePrefix(keyPrefix), connection: { url, maxRetriesPerRequest: 1 } };
  const queue = new Queue<DueJob, DueResult['kind']>(queueName(platform), shared);
  const events = new QueueEvents(queueName(platform), { ...shared, connection: { url, maxRetriesPerRequest: null } });
  // What fails says so to its caller; without listeners BullMQ prints to the console.
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

/** BullMQ tells a wait that was too long by its message alone. */
const explained = (cause: unknown, withinMs: number): Error =>
  cause instanceof Error && cause.message.includes('timed out')
    ? new NoScheduler(`no scheduler has done it within ${withinMs / 1_000} s`, { cause })
    : new PortUnavailable('storage', 'the queues do not answer, or the scheduler failed', { cause });
