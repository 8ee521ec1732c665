import { type DueJob, queueName } from '@vault-engine/refresh-queue';
import { beginAtZero, isOutage, type ServiceContext } from '@vault-engine/runtime';
import type { PlatformId } from '@vault-engine/vault';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { JobResult } from './process-due-job.ts';
import type { Dispatched } from './sweep.ts';

/** Logs and metrics of the scheduler. No label and no log line contains a user id. */
export interface Observed {
  readonly dispatched: (platform: PlatformId | null, dispatched: Dispatched) => void;
  readonly processed: (job: DueJob, outcome: JobResult, durationMs: number) => void;
  /** A job failed; its connection becomes due again. */
  readonly failed: (error: unknown, platform: PlatformId | null) => void;
  /** A sweep has ended; `waiting` is the number of jobs in each queue. */
  readonly swept: (durationMs: number, waiting: ReadonlyMap<string, number>) => void;
}

/** Results that changed a connection. They are logged at `info`, all others at `debug`. */
const CHANGING: ReadonlySet<JobResult> = new Set(['renewed', 'failed', 'dead', 'told', 'abandoned']);

const RESULTS: Readonly<Record<JobResult, true>> = {
  renewed: true,
  failed: true,
  dead: true,
  told: true,
  nothing: true,
  busy: true,
  gone: true,
  throttled: true,
  abandoned: true,
  error: true,
};

/** Registers the metrics. The series of these platforms' queues and of the flows queue begin at 0. */
export const observe = (
  { log, metrics }: Pick<ServiceContext<unknown>, 'log' | 'metrics'>,
  platforms: readonly PlatformId[],
): Observed => {
  const { due, waiting, processed, processing, sweeping } = openMetrics(metrics, [...platforms, null].map(queueName));
  const full = new Set<string>();
  const failing = new Set<string>();
  return {
    dispatched: (platform, { queued, putOff }) => {
      const queue = queueName(platform);
      due.inc({ queue, result: 'queued' }, queued);
      due.inc({ queue, result: 'put_off' }, putOff);
      if (putOff > 0 && !full.has(queue)) log.warn('queue full; due connections postponed', { platform });
      if (putOff === 0 && full.has(queue)) log.info('queue accepts jobs again', { platform });
      full[putOff > 0 ? 'add' : 'delete'](queue);
    },
    processed: ({ platform }, result, durationMs) => {
      const queue = queueName(platform);
      if (result !== 'error') failing.delete(queue);
      processed.inc({ queue, result });
      processing.observe({ queue }, durationMs / 1_000);
      const fields = { platform, result, durationMs };
      if (CHANGING.has(result)) log.info('processed due connection', fields);
      else log.debug('processed due connection', fields);
    },
    failed: (error, platform) => {
      const queue = queueName(platform);
      const fields = { platform, error };
      if (!isOutage(error)) return log.error('job failed; connection becomes due again', fields);
      // During an outage every job fails. Only the first failure of each queue is a warning, until a job succeeds again.
      if (failing.has(queue)) return log.debug('job failed; connection becomes due again', fields);
      failing.add(queue);
      log.warn('job failed; connection becomes due again', fields);
    },
    swept: (durationMs, lengths) => {
      sweeping.observe(durationMs / 1_000);
      for (const [queue, length] of lengths) waiting.set({ queue }, length);
    },
  };
};

/** The label `queue` is the name of a queue; its cardinality is bounded by the number of platforms. */
const openMetrics = (metrics: ServiceContext<unknown>['metrics'], queues: readonly string[]) => {
  const registers = [metrics];
  const opened = {
    due: new Counter({
      name: 'vault_refresh_due_total',
      help: 'Due connections and flows by queue: queued, or put off because the queue was full',
      labelNames: ['queue', 'result'],
      registers,
    }),
    waiting: new Gauge({
      name: 'vault_refresh_waiting',
      help: 'Jobs waiting in a queue after the last sweep',
      labelNames: ['queue'],
      registers,
    }),
    processed: new Counter({
      name: 'vault_refresh_attended_total',
      help: 'Processed jobs by queue and result',
      labelNames: ['queue', 'result'],
      registers,
    }),
    processing: new Histogram({
      name: 'vault_refresh_attended_seconds',
      help: 'Duration of a job',
      labelNames: ['queue'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25],
      registers,
    }),
    sweeping: new Histogram({
      name: 'vault_refresh_sweep_seconds',
      help: 'Duration of a sweep of the due index',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
  };
  beginAtZero(opened.due, { queue: queues, result: ['queued', 'put_off'] });
  beginAtZero(opened.processed, { queue: queues, result: Object.keys(RESULTS) });
  for (const queue of queues) opened.processing.zero({ queue });
  return opened;
};
