import { hash } from 'node:crypto';
import { type PlatformId, platformId, type UserId, userId } from '@vault-engine/vault';

/** What is to be looked at: a connection, or the flows of a user (`platform` null). Its id and no more: facts would grow old. */
export interface DueJob {
  readonly user: UserId;
  readonly platform: PlatformId | null;
  /** An operator wants it refreshed now: past the rest after a failure and the provider's least interval. */
  readonly forced?: true;
}

/** Begins the keys of all queues. The braces keep them in one slot of a Cluster, as BullMQ's scripts want them. */
export const queuePrefix = (keyPrefix: string): string => `${keyPrefix}:{refresh}`;

/** The queue of a platform, or that of all users' flows. A platform may be called `flows`. */
export const queueName = (platform: PlatformId | null): string =>
  platform === null ? 'flows' : `platform.${platform}`;

/** Equal for equal jobs, so that a queue holds a connection once, whoever puts it there. */
export const jobId = ({ user, platform, forced }: DueJob): string =>
  hash('sha256', `${user}:${platform ?? ''}${forced ? ':forced' : ''}`, 'hex');

/** A job as it was read back from a queue. Throws where it is none. */
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
  if (user === null || (of !== null && platform === null)) throw new TypeError('a job names no connection');
  return forced ? { user, platform, forced } : { user, platform };
};
