import { setTimeout as sleep } from 'node:timers/promises';
import { type DueJob, jobId, queueName, queuePrefix, readJob } from '@vault-engine/refresh-queue';
import { isOutage } from '@vault-engine/runtime';
import { type PlatformId, PortUnavailable } from '@vault-engine/vault';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type Announced, announce, withdraw } from './announce.ts';

/** The place of the queues and the work on their jobs. */
export interface QueuesOptions {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url: string;
  /** Prefix of every key. */
  readonly keyPrefix: string;
  /** Platforms whose queues are opened at once. The queue of any other platform is opened with its first job. */
  readonly platforms: readonly PlatformId[];
  /** Concurrent jobs per queue in this process. */
  readonly concurrency: (platform: PlatformId | null) => number;
  /** Unique name of this scheduler. */
  readonly id: string;
  readonly work: Work;
  /**
   * BullMQ's job lock, milliseconds; default 15,000. A job whose process died is taken over after that time. Two processes
   * with the same job do no harm: refreshing a connection requires the lease in its record.
   */
  readonly lockMs?: number;
  /** A job failed or its result could not be stored. Its connection becomes due again. */
  readonly onError: (error: unknown, platform: PlatformId | null) => void;
}

/**
 * Processes a job. With `restMs`, the job stays in its queue, and the queue pauses for that many milliseconds in all
 * processes.
 */
export type Work = (job: DueJob) => Promise<{ readonly outcome: string; readonly restMs: number | null }>;

/**
 * One queue per platform and one for flows, shared by all processes with the same server and prefix. Methods reject with
 * `PortUnavailable` during an outage.
 */
export interface DueQueues {
  /** Adds jobs to the queue of the platform. A job that is already waiting or in progress is left unchanged. */
  add(platform: PlatformId | null, jobs: readonly DueJob[]): Promise<void>;
  /** Number of waiting jobs. */
  waiting(platform: PlatformId | null): Promise<number>;
  /** Number of waiting jobs by queue name. */
  lengths(): Promise<ReadonlyMap<string, number>>;
  /** The waiting jobs of all queues. */
  backlog(): Promise<QueueBacklog>;
  /** Announces this scheduler; see {@link announce}. The announcement ends with `close`. */
  announce(inFlight: number, lifetimeMs: number): Promise<Announced>;
  /** Starts no further job and waits up to `withinMs` for jobs in progress. False: a job was still in progress. */
  close(withinMs: number): Promise<boolean>;
}

/** The waiting jobs of all queues: those that a further scheduler could begin, and those that wait for a rate limit. */
export interface QueueBacklog {
  readonly queued: number;
  readonly throttled: number;
  /** How long the oldest of them has been queued, milliseconds; 0 without jobs. */
  readonly oldestMs: number;
}

const LOCK_MS = 15_000;
/** Command timeout of adding and counting. */
const COMMAND_TIMEOUT_MS = 5_000;
const MAX_RECONNECT_DELAY_MS = 1_000;
/** BullMQ only honours a pause by `rateLimit` on a worker with a limiter. This limit is unreachable; the rate limit is the profile's. */
const UNREACHABLE_LIMIT = { max: 1_000_000_000, duration: 1_000 };
/** Length of BullMQ's event streams. Only `requestRefresh` reads them, and only new events. */
const MAX_EVENTS = 100;

interface PlatformQueue {
  readonly queue: Queue<DueJob>;
  readonly worker: Worker<DueJob>;
}

/** Opens the queues and starts their workers. */
export const openQueues = async (options: QueuesOptions): Promise<DueQueues> => {
  const { url, platforms, keyPrefix, id } = options;
  // A sweep must fail fast if Redis is unreachable; the next sweep retries.
  const adding = connect(url, { maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS });
  // BullMQ requires unlimited retries on the connection of a worker.
  const working = connect(url, { maxRetriesPerRequest: null });
  const platformQueues = new Map<string, PlatformQueue>();
  const platformQueueOf = (platform: PlatformId | null): PlatformQueue => {
    const name = queueName(platform);
    const platformQueue = platformQueues.get(name) ?? openPlatformQueue(options, platform, { adding, working });
    platformQueues.set(name, platformQueue);
    return platformQueue;
  };
  try {
    await orUnavailable(adding.ping());
  } catch (error) {
    for (const redis of [adding, working]) redis.disconnect();
    throw error;
  }
  for (const platform of [null, ...platforms]) platformQueueOf(platform);
  return {
    add: async (platform, jobs) => {
      const entries = jobs.map((data) => ({ name: 'due', data, opts: { jobId: jobId(data) } }));
      await orUnavailable(platformQueueOf(platform).queue.addBulk(entries));
    },
    waiting: (platform) => orUnavailable(platformQueueOf(platform).queue.getWaitingCount()),
    lengths: async () => {
      const counted = [...platformQueues].map(
        async ([name, { queue }]) => [name, await queue.getWaitingCount()] as const,
      );
      return new Map(await orUnavailable(Promise.all(counted)));
    },
    backlog: async () => {
      const backlogs = await orUnavailable(Promise.all([...platformQueues.values()].map(backlogOf)));
      return {
        queued: sumOf(backlogs.map(({ queued }) => queued)),
        throttled: sumOf(backlogs.map(({ throttled }) => throttled)),
        oldestMs: Math.max(0, ...backlogs.map(({ oldestMs }) => oldestMs)),
      };
    },
    announce: (inFlight, lifetimeMs) => orUnavailable(announce(adding, keyPrefix, { id, inFlight, lifetimeMs })),
    close: async (withinMs) => {
      await withdraw(adding, keyPrefix, id).catch(() => undefined);
      const closed = await closePlatformQueues([...platformQueues.values()], withinMs);
      for (const redis of [adding, working]) redis.disconnect();
      return closed;
    },
  };
};

const orUnavailable = async <T>(reply: Promise<T>): Promise<T> => {
  try {
    return await reply;
  } catch (cause) {
    throw new PortUnavailable('storage', 'the refresh queues did not answer; check that Redis is running', { cause });
  }
};

const connect = (
  url: string,
  options: { readonly maxRetriesPerRequest: number | null; readonly commandTimeout?: number },
): Redis => {
  const redis = new Redis(url, {
    ...options,
    retryStrategy: (times) => Math.min(times * 50, MAX_RECONNECT_DELAY_MS),
    // After a failover only a new connection reaches the new master.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  // Errors reach the caller of each command; without a listener ioredis prints them to the console.
  redis.on('error', () => undefined);
  return redis;
};

const openPlatformQueue = (
  { keyPrefix, concurrency, work, lockMs = LOCK_MS, onError }: QueuesOptions,
  platform: PlatformId | null,
  { adding, working }: { readonly adding: Redis; readonly working: Redis },
): PlatformQueue => {
  const prefix = queuePrefix(keyPrefix);
  const queue = new Queue<DueJob>(queueName(platform), {
    prefix,
    connection: adding,
    // A job has one attempt: the time of the next one is stored in the due index, shared by all schedulers.
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true, stackTraceLimit: 0 },
    streams: { events: { maxLen: MAX_EVENTS } },
  });
  const worker = new Worker<DueJob>(
    queueName(platform),
    async ({ data }) => {
      const { outcome, restMs } = await work(readJob(data));
      if (restMs === null) return outcome;
      await queue.rateLimit(Math.ceil(restMs));
      throw Worker.RateLimitError();
    },
    {
      prefix,
      connection: working,
      concurrency: concurrency(platform),
      lockDuration: lockMs,
      stalledInterval: lockMs / 3,
      limiter: UNREACHABLE_LIMIT,
    },
  );
  // A lost connection is an error event of every queue; it is reported by the storage probe and by failing commands.
  queue.on('error', () => undefined);
  worker.on('error', (error) => {
    if (!isConnectionError(error)) onError(error, platform);
  });
  worker.on('failed', (_job, error) => onError(error, platform));
  return { queue, worker };
};

/** A queue is throttled while the limiter's counter is at the limit: `rateLimit` sets it there for the pause. */
const backlogOf = async ({ queue }: PlatformQueue): Promise<QueueBacklog> => {
  const [waiting, pauseMs, [oldest]] = await Promise.all([
    queue.getWaitingCount(),
    queue.getRateLimitTtl(UNREACHABLE_LIMIT.max),
    queue.getWaiting(0, 0),
  ]);
  const oldestMs = oldest === undefined ? 0 : Math.max(0, Date.now() - oldest.timestamp);
  return pauseMs > 0 ? { queued: 0, throttled: waiting, oldestMs } : { queued: waiting, throttled: 0, oldestMs };
};

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

const isConnectionError = (error: Error): boolean =>
  isOutage(error) || error.message === 'Connection is closed.' || error.message.startsWith('READONLY');

const closePlatformQueues = async (platformQueues: readonly PlatformQueue[], withinMs: number): Promise<boolean> => {
  const limit = new AbortController();
  const late = sleep(withinMs, false, { signal: limit.signal }).catch(() => false);
  const closed = Promise.all(platformQueues.map(({ worker }) => worker.close())).then(() => true);
  const inTime = await Promise.race([closed, late]);
  limit.abort();
  await Promise.all(platformQueues.map(({ queue }) => queue.close()));
  return inTime;
};
