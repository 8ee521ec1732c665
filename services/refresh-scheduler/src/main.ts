import { type AssembledVault, assembleVault } from '@vault-engine/assembly';
import { every, isOutage, type Log, runService, type ServiceContext } from '@vault-engine/runtime';
import { abandonFlows, drainPending } from '@vault-engine/vault';
import { readSchedulerConfig, type SchedulerConfig } from './config.ts';
import { type Observed, observe } from './observe.ts';
import { type DueQueues, openQueues } from './open-queues.ts';
import { processDueJob } from './process-due-job.ts';
import { sweep } from './sweep.ts';

type Context = ServiceContext<SchedulerConfig>;

/** How many users' flows one process looks at at once. */
const FLOWS_AT_ONCE = 16;
/** Of a platform whose profile is gone: its connections are told about, and not refreshed. */
const CONCURRENCY_WITHOUT_PROFILE = 4;
const CLOSE_MS = 8_000;

/** Stopping goes the other way: nothing more is taken, then the queues are closed, then what is under way is waited for. */
const start = async (context: Context): Promise<void> => {
  const assembled = await assembleVault(context, { clientId: 'refresh-scheduler', env: process.env });
  const observed = observe(
    context,
    assembled.catalog.all().map(({ id }) => id),
  );
  await drainAgainAndAgain(context, assembled);
  const queues = await workOnQueues(context, assembled, observed);
  await sweepAgainAndAgain(context, assembled, observed, queues);
};

const drainAgainAndAgain = async ({ config, log, part }: Context, { vault }: AssembledVault): Promise<void> => {
  const { afterMs } = config.drain;
  const onError = (error: unknown): void => log.warn('a task in the background failed', { part: 'drain', error });
  await part(
    'drain',
    () => every(afterMs / 2, () => drainPending(vault, afterMs), onError),
    (task) => task.stop(),
  );
};

const workOnQueues = (
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
            ? FLOWS_AT_ONCE
            : (catalog.profile(platform)?.limits.concurrency ?? CONCURRENCY_WITHOUT_PROFILE),
        work: processDueJob({ refresher, abandon: (user) => abandonFlows(vault, user), onProcessed }),
        onError,
      }),
    async (queues) => {
      if (!(await queues.close(CLOSE_MS)))
        log.warn('stopped with jobs under way: what they were about falls due again');
    },
  );

const sweepAgainAndAgain = async (
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

/** A sweep comes every second. That Redis is out, the state of the storage says; what was taken falls due again. */
const sweepFailed =
  (log: Log) =>
  (error: unknown): void =>
    log[isOutage(error) ? 'debug' : 'error']('a sweep failed', { part: 'sweep', error });

await runService({ name: 'refresh-scheduler', config: () => readSchedulerConfig(process.env), start });
