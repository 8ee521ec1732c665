import { hostname } from 'node:os';
import { type AssembledVault, assembleVault } from '@vault-engine/assembly';
import { watchTopics } from '@vault-engine/assembly/watch-topics';
import { every, isOutage, type Log, runService, type ServiceContext } from '@vault-engine/runtime';
import { abandonFlows, drainPending } from '@vault-engine/vault';
import type { Announced } from './announce.ts';
import { openBacklogMetrics } from './backlog.ts';
import { readSchedulerConfig, type SchedulerConfig } from './config.ts';
import { type Observed, observe } from './observe.ts';
import { type DueQueues, openQueues } from './open-queues.ts';
import { processDueJob } from './process-due-job.ts';
import { sweep } from './sweep.ts';

type Context = ServiceContext<SchedulerConfig>;

/** Concurrent jobs of the flows queue per process. */
const FLOWS_CONCURRENCY = 16;
/** Concurrency for a platform without a profile: only the status of its connections is published, nothing is refreshed. */
const CONCURRENCY_WITHOUT_PROFILE = 4;
const CLOSE_TIMEOUT_MS = 8_000;
const ANNOUNCE_EVERY_MS = 2_000;
/** A scheduler that is silent for so long is forgotten, and another becomes the reporter. */
const ANNOUNCED_FOR_MS = 10_000;

/** Parts stop in reverse order: the sweep, then the queues, then the assembled vault with its refreshes in flight. */
const start = async (context: Context): Promise<void> => {
  const assembled = await assembleVault(context, { clientId: 'refresh-scheduler', env: process.env });
  const observed = observe(
    context,
    assembled.catalog.all().map(({ id }) => id),
  );
  await watchTopics(context, assembled.bus, ['auditLog', 'connectionEvents']);
  await drainPeriodically(context, assembled);
  const queues = await openDueQueues(context, assembled, observed);
  await announcePeriodically(context, assembled, queues);
  await sweepPeriodically(context, assembled, observed, queues);
};

const drainPeriodically = async ({ config, log, part }: Context, { vault }: AssembledVault): Promise<void> => {
  const { afterMs } = config.drain;
  const onError = (error: unknown): void => log.warn('background task failed', { part: 'drain', error });
  await part(
    'drain',
    () => every(afterMs / 2, () => drainPending(vault, afterMs), onError),
    (task) => task.stop(),
  );
};

const openDueQueues = (
  { config, log, part }: Context,
  { vault, refresher, catalog }: AssembledVault,
  { processed: onProcessed, failed: onError }: Observed,
): Promise<DueQueues> =>
  part(
    'queues',
    () =>
      openQueues({
        ...config.redis,
        platforms: catalog.all().map(({ id }) => id),
        concurrency: (platform) =>
          platform === null
            ? FLOWS_CONCURRENCY
            : (catalog.profile(platform)?.limits.concurrency ?? CONCURRENCY_WITHOUT_PROFILE),
        id: `${hostname()}:${process.pid}`,
        work: processDueJob({ refresher, abandon: (user) => abandonFlows(vault, user), onProcessed }),
        onError,
      }),
    async (queues) => {
      if (!(await queues.close(CLOSE_TIMEOUT_MS)))
        log.warn('stopped with jobs in progress; their connections become due again');
    },
  );

/** One of the schedulers exports the gauges of due work for the whole system; each announces its own refreshes. */
const announcePeriodically = async (
  { log, metrics, part }: Context,
  { vault: { store }, refresher }: AssembledVault,
  queues: DueQueues,
): Promise<void> => {
  let latest: { readonly at: number; readonly announced: Announced } | null = null;
  const announceOnce = async (): Promise<void> => {
    const at = performance.now();
    latest = { at, announced: await queues.announce(refresher.underWay, ANNOUNCED_FOR_MS) };
  };
  openBacklogMetrics(metrics, {
    announced: () => (latest !== null && performance.now() - latest.at < ANNOUNCED_FOR_MS ? latest.announced : null),
    dueStats: () => store.dueStats(),
    queues: () => queues.backlog(),
  });
  await part(
    'announcement',
    () => every(ANNOUNCE_EVERY_MS, announceOnce, announcementFailed(log)),
    (task) => task.stop(),
  );
};

const announcementFailed =
  (log: Log) =>
  (error: unknown): void => {
    const fields = { part: 'announcement', error };
    if (isOutage(error)) log.debug('announcement failed', fields);
    else log.error('announcement failed', fields);
  };

const sweepPeriodically = async (
  { config, log, part, stopping: signal }: Context,
  { vault: { store, now } }: AssembledVault,
  observed: Observed,
  queues: DueQueues,
): Promise<void> => {
  const { dispatched: onDispatched } = observed;
  const once = async (): Promise<void> => {
    const began = performance.now();
    await sweep({ ...config.sweep, store, queues, now, random: Math.random, signal, onDispatched });
    observed.swept(performance.now() - began, await queues.lengths());
  };
  await part(
    'sweep',
    () => every(config.sweep.everyMs, once, sweepFailed(log)),
    (task) => task.stop(),
  );
};

/** An outage of Redis is reported by the storage probe; repeating it every second would flood the log. */
const sweepFailed =
  (log: Log) =>
  (error: unknown): void => {
    const fields = { part: 'sweep', error };
    if (isOutage(error)) log.debug('sweep failed', fields);
    else log.error('sweep failed', fields);
  };

await runService({ name: 'refresh-scheduler', config: () => readSchedulerConfig(process.env), start });
