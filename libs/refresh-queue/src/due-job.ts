import { hash } from 'node:crypto';
import { type PlatformId, platformId, type UserId, userId } from '@vault-engine/vault';

/**
 * A connection to process, or a user whose flows are to be checked (`platform` null). A job contains ids only: a copy of
 * the record would become stale in the queue.
 */
export interface DueJob {
  readonly user: UserId;
  readonly platform: PlatformId | null;
  /** Requested by an operator: ignores the backoff after a failure and the least interval between refreshes. */
  readonly forced?: true;
}

/** Key prefix of all queues. The hash tag in braces keeps them in one Redis Cluster slot, which BullMQ's scripts require. */
export const queuePrefix = (keyPrefix: string): string => `${keyPrefix}:{refresh}`;

/** Name of a platform's queue, or of the flows queue for null. The prefix keeps a platform called `flows` apart. */
export const queueName = (platform: PlatformId | null): string =>
  platform === null ? 'flows' : `platform.${platform}`;

/** Equal jobs have equal ids, so that a queue contains a connection once, whichever scheduler adds it. */
export const jobId = ({ user, platform, forced }: DueJob): string =>
  hash('sha256', `${user}:${platform ?? ''}${forced ? ':forced' : ''}`, 'hex');

/** Parses the data of a queued job. Throws a `TypeError` if it is not a {@link DueJob}. */
export const readJob = ({
  user: name,
  platform: of,
  forced,
}: {
  readonly user: string;
  readonly platform: string | null;
  readonly forced?: boolean;
}): DueJob => {
  const [user, platform] = [userId(name), of === null ? null : platformId(of)];
  if (user === null || (of !== null && platform === null)) throw new TypeError('the job does not name a connection');
  return forced ? { user, platform, forced } : { user, platform };
};
