import { setTimeout as sleep } from 'node:timers/promises';
import { type DueJob, jobId, queueName, queuePrefix, readJob } from '@vault-engine/refresh-queue';
import { isOutage } from '@vault-engine/runtime';
import { type PlatformId, PortUnavailable } from '@vault-engine/vault';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

/** Where the queues are, and who works on them. */
export interface QueuesOptions {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url: string;
  /** Begins every key. */
  readonly keyPrefix: string;
  /** Have their queues from the beginning; others get theirs with their first job. */
  readonly platforms: readonly PlatformId[];
  /** How many jobs of a queue this process works on at once. */
  readonly concurrency: (platform: PlatformId | null) => number;
  readonly work: Work;
  /**
   * How long a job is kept for a process that is gone, milliseconds; 15,000 where nothing is said. That two do it at once
   * would do no harm: the right to refresh a connection is the lease in its record.
   */
  readonly lockMs?: number;
  /** A job failed, or could not be ended. What it was about falls due again. */
  readonly onError: (error: unknown, platform: PlatformId | null) => void;
}

/** Does a job, and says what came of it. `restMs`: the job stays, and its queue rests for so long, in all processes. */
export type Work = (job: DueJob) => Promise<{ readonly outcome: string; readonly restMs: number | null }>;

/** A queue per platform, and one for flows, shared by all processes with the same server and prefix. Rejects with `PortUnavailable`. */
export interface DueQueues {
  /** Puts jobs into the queue of their platform. One that is there, waiting or under way, stays as it is. */
  add(platform: PlatformId | null, jobs: readonly DueJob[]): Promise<void>;
  /** How many jobs wait for being begun. */
  waiting(platform: PlatformId | null): Promise<number>;
  /** How many jobs wait in each queue, by its name. */
  lengths(): Promise<ReadonlyMap<string, number>>;
  /** Begins nothing new, and waits up to `withinMs` for what is under way. False: something still was. */
  close(withinMs: number): Promise<boolean>;
}

const LOCK_MS = 15_000;
/** How long adding and counting wait for an answer. */
const ANSWER_MS = 5_000;
const RECONNECT_AT_MOST_MS = 1_000;
/** BullMQ looks whether a queue rests only where it has a limit. This one is out of reach: the rate is the profile's. */
const NO_LIMIT = { max: 1_000_000_000, duration: 1_000 };
/** BullMQ's streams of what happened: nobody reads them. */
const EVENTS_KEPT = 100;

interface PlatformQueue {
  readonly queue: Queue<DueJob>;
  readonly worker: Worker<DueJob>;
}

/** Opens the queues and begins to work on them. */
export const openQueues = async (options: QueuesOptions): Promise<DueQueues> => {
  const { url, platforms } = options;
  // A sweep that can't reach Redis is over at once, and the next one tries again …
  const adding = connect(url, { maxRetriesPerRequest: 1, commandTimeout: ANSWER_MS });
  // … a worker waits for it: BullMQ insists.
  const working = connect(url, { maxRetriesPerRequest: null });
  const platformQueues = new Map<string, PlatformQueue>();
  const platformQueueOf = (platform: PlatformId | null): PlatformQueue => {
    const name = queueName(platform);
    const platformQueue = platformQueues.get(name) ?? openPlatformQueue(options, platform, { adding, working });
    platformQueues.set(name, platformQueue);
    return platformQueue;
  };
  try {
    await answered(adding.ping());
  } catch (error) {
    for (const redis of [adding, working]) redis.disconnect();
    throw error;
  }
  for (const platform of [null, ...platforms]) platformQueueOf(platform);
  return {
    add: async (platform, jobs) => {
      const entries = jobs.map((data) => ({ name: 'due', data, opts: { jobId: jobId(data) } }));
      await answered(platformQueueOf(platform).queue.addBulk(entries));
    },
    waiting: (platform) => answered(platformQueueOf(platform).queue.getWaitingCount()),
    lengths: async () => {
      const counted = [...platformQueues].map(
        async ([name, { queue }]) => [name, await queue.getWaitingCount()] as const,
      );
      return new Map(await answered(Promise.all(counted)));
    },
    close: async (withinMs) => {
      const closed = await closePlatformQueues([...platformQueues.values()], withinMs);
      for (const redis of [adding, working]) redis.disconnect();
      return closed;
    },
  };
};

const answered = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer;
  } catch (cause) {
    throw new PortUnavailable('storage', 'the queues do not answer', { cause });
  }
};

const connect = (
  url: string,
  options: { readonly maxRetriesPerRequest: number | null; readonly commandTimeout?: number },
): Redis => {
  const redis = new Redis(url, {
    ...options,
    retryStrategy: (times) => Math.min(times * 50, RECONNECT_AT_MOST_MS),
    // After a failover the address may lead to the new master, but only for a new connection.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  // What fails says so to its caller; without a listener ioredis prints to the console.
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
    // A job is tried once: when to try again is written in the due index, where all schedulers see it.
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true, stackTraceLimit: 0 },
    streams: { events: { maxLen: EVENTS_KEPT } },
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
      limiter: NO_LIMIT,
    },
  );
  // Each lost connection is an error of every queue that uses it: whoever needs Redis notices.
  queue.on('error', () => undefined);
  worker.on('error', (error) => {
    if (!isConnectionError(error)) onError(error, platform);
  });
  worker.on('failed', (_job, error) => onError(error, platform));
  return { queue, worker };
};

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
