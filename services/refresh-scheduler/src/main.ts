import { assembleVault } from '@vault-engine/assembly';
import { every, isOutage, type Log, runService, type ServiceContext } from '@vault-engine/runtime';
import { abandonFlows, drainPending, type PlatformId } from '@vault-engine/vault';
import { attendDue } from './attend-due.ts';
import { readSchedulerConfig, type SchedulerConfig } from './config.ts';
import { observe } from './observe.ts';
import { openQueues } from './open-queues.ts';
import { sweep } from './sweep.ts';

/** How many users' flows one process looks at at once. */
const FLOWS_AT_ONCE = 16;
/** Of a platform whose profile is gone: its connections are told about, and not refreshed. */
const CONCURRENCY_WITHOUT_PROFILE = 4;
const CLOSE_MS = 8_000;

/** Stopping goes the other way: nothing more is taken, then the queues are closed, then what is under way is waited for. */
const start = async (context: ServiceContext<SchedulerConfig>): Promise<void> => {
  const { config, log, part, stopping: signal } = context;
  const { vault, renewer, catalog } = await assembleVault(context, { clientId: 'refresh-scheduler', env: process.env });
  const observed = observe(context);
  await part(
    'drain',
    () => every(config.drain.afterMs / 2, () => drainPending(vault, config.drain.afterMs), behind(log, 'drain')),
    (task) => task.stop(),
  );
  const queues = await part(
    'queues',
    () =>
      openQueues({
        ...config.redis,
        platforms: catalog.all().map(({ id }) => id),
        concurrency: (platform) =>
          platform === null
            ? FLOWS_AT_ONCE
            : (catalog.profile(platform)?.limits.concurrency ?? CONCURRENCY_WITHOUT_PROFILE),
        work: attendDue({ renewer, abandon: (user) => abandonFlows(vault, user), onAttended: observed.attended }),
        onError: jobFailed(log),
      }),
    async (open) => {
      if (!(await open.close(CLOSE_MS))) log.warn('stopped with jobs under way: what they were about falls due again');
    },
  );
  const sweepOnce = async (): Promise<void> => {
    const began = performance.now();
    const { store } = vault;
    await sweep({
      ...config.sweep,
      store,
      queues,
      now: Date.now,
      random: Math.random,
      signal,
      onDispatched: observed.dispatched,
    });
    observed.swept(performance.now() - began);
  };
  await part(
    'sweep',
    () => every(config.sweep.everyMs, sweepOnce, sweepFailed(log)),
    (task) => task.stop(),
  );
};

const behind =
  (log: Log, task: string) =>
  (error: unknown): void =>
    log.warn('a task in the background failed', { part: task, error });

/** A sweep comes every second. That Redis is out, the state of the storage says; what was taken falls due again. */
const sweepFailed =
  (log: Log) =>
  (error: unknown): void =>
    log[isOutage(error) ? 'debug' : 'error']('a sweep failed', { part: 'sweep', error });

const jobFailed =
  (log: Log) =>
  (error: unknown, platform: PlatformId | null): void =>
    log[isOutage(error) ? 'warn' : 'error']('a job failed: what it was about falls due again', { platform, error });

await runService({ name: 'refresh-scheduler', config: () => readSchedulerConfig(process.env), start });
