import { type DueJob, queueName } from '@vault-engine/refresh-queue';
import { isOutage, type ServiceContext } from '@vault-engine/runtime';
import type { PlatformId } from '@vault-engine/vault';
import { openMetrics } from './open-metrics.ts';
import type { JobResult } from './process-due-job.ts';
import type { Dispatched } from './sweep.ts';

/** What the scheduler tells of its work. No label and no line names a user. */
export interface Observed {
  readonly dispatched: (platform: PlatformId | null, dispatched: Dispatched) => void;
  readonly processed: (job: DueJob, outcome: JobResult, durationMs: number) => void;
  /** A job failed: what it was about falls due again. */
  readonly failed: (error: unknown, platform: PlatformId | null) => void;
  /** A sweep is over; `waiting`: the jobs in each queue. */
  readonly swept: (durationMs: number, waiting: ReadonlyMap<string, number>) => void;
}

/** What changed a connection. */
const WORTH_READING: ReadonlySet<JobResult> = new Set(['renewed', 'failed', 'dead', 'told', 'abandoned']);

/** Opens the metrics of these platforms' queues. */
export const observe = (
  { log, metrics }: Pick<ServiceContext<unknown>, 'log' | 'metrics'>,
  platforms: readonly PlatformId[],
): Observed => {
  const queues = [...platforms, null].map(queueName);
  const { due, waiting, processed, attending, sweeping } = openMetrics(metrics, queues);
  const full = new Set<string>();
  const out = new Set<string>();
  return {
    dispatched: (platform, { queued, putOff }) => {
      const queue = queueName(platform);
      due.inc({ queue, result: 'queued' }, queued);
      due.inc({ queue, result: 'put_off' }, putOff);
      if (putOff > 0 && !full.has(queue)) log.warn('a queue is full: what is due is put off', { platform });
      if (putOff === 0 && full.has(queue)) log.info('a queue has room again', { platform });
      full[putOff > 0 ? 'add' : 'delete'](queue);
    },
    processed: ({ platform }, result, durationMs) => {
      const queue = queueName(platform);
      if (result !== 'error') out.delete(queue);
      processed.inc({ queue, result });
      attending.observe({ queue }, durationMs / 1_000);
      const level = WORTH_READING.has(result) ? 'info' : 'debug';
      log[level]('what had fallen due was attended to', { platform, result, durationMs });
    },
    failed: (error, platform) => {
      const queue = queueName(platform);
      // An outage fails whatever is due: its first job says so, until one is done again.
      const level = isOutage(error) ? (out.has(queue) ? 'debug' : 'warn') : 'error';
      if (level === 'warn') out.add(queue);
      log[level]('a job failed: what it was about falls due again', { platform, error });
    },
    swept: (durationMs, lengths) => {
      sweeping.observe(durationMs / 1_000);
      for (const [queue, length] of lengths) waiting.set({ queue }, length);
    },
  };
};
