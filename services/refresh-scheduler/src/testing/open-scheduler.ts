import type { DueResult, PlatformId, TokenStore, UserId } from '@vault-engine/vault';
import type { World } from '@vault-engine/world';
import { type DueQueues, openQueues } from '../open-queues.ts';
import { processDueJob } from '../process-due-job.ts';
import { type Dispatched, sweep } from '../sweep.ts';

/** The scheduler without its service: each sweep is started by the test. */
export interface TestScheduler {
  readonly sweep: () => Promise<readonly Dispatched[]>;
  readonly queues: DueQueues;
  readonly errors: readonly unknown[];
  readonly close: () => Promise<boolean>;
}

/** Replaces the refresher's `processDue`. */
export type ProcessDue = (user: UserId, platform: PlatformId) => Promise<DueResult>;

/** Defaults that a test can override. */
interface SchedulerOptions {
  readonly concurrency?: number;
  readonly againInMs?: number;
  readonly mayWait?: number;
  readonly lockMs?: number;
  readonly platforms?: readonly PlatformId[];
  readonly id?: string;
}

/** Opens a scheduler on the world's Redis. */
export const openScheduler = async (
  world: Pick<World, 'redisUrl' | 'keyPrefix'>,
  store: TokenStore,
  processDue: ProcessDue,
  {
    concurrency = 8,
    againInMs = 60_000,
    mayWait = 1_000,
    lockMs = 15_000,
    platforms = [],
    id = 'test',
  }: SchedulerOptions = {},
): Promise<TestScheduler> => {
  const errors: unknown[] = [];
  const queues = await openQueues({
    url: world.redisUrl,
    keyPrefix: `${world.keyPrefix}vault`,
    platforms,
    concurrency: () => concurrency,
    lockMs,
    id,
    work: processDueJob({ refresher: { processDue }, abandon: async () => 0, onProcessed: () => undefined }),
    onError: (error) => errors.push(error),
  });
  const sweepOnce = async () => {
    const dispatched: Dispatched[] = [];
    await sweep({
      store,
      queues,
      batch: 100,
      againInMs,
      mayWait,
      now: Date.now,
      random: Math.random,
      signal: new AbortController().signal,
      onDispatched: (_platform, each) => dispatched.push(each),
    });
    return dispatched;
  };
  return { sweep: sweepOnce, queues, errors, close: () => queues.close(5_000) };
};
