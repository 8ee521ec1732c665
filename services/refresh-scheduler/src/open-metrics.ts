import { beginAtZero, type ServiceContext } from '@vault-engine/runtime';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { JobResult } from './process-due-job.ts';

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

/** The scheduler's metrics. `queues`: the names of all queues, one per platform and one for flows. Their series begin at 0. */
export const openMetrics = (metrics: ServiceContext<unknown>['metrics'], queues: readonly string[]) => {
  const registers = [metrics];
  const opened = {
    due: new Counter({
      name: 'vault_refresh_due_total',
      help: 'What has fallen due, by queue: queued, or put off because the queue was full',
      labelNames: ['queue', 'result'],
      registers,
    }),
    waiting: new Gauge({
      name: 'vault_refresh_waiting',
      help: 'Jobs that waited in a queue after the last sweep',
      labelNames: ['queue'],
      registers,
    }),
    processed: new Counter({
      name: 'vault_refresh_attended_total',
      help: 'Jobs that were done, by queue and what came of them',
      labelNames: ['queue', 'result'],
      registers,
    }),
    attending: new Histogram({
      name: 'vault_refresh_attended_seconds',
      help: 'How long a job took',
      labelNames: ['queue'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25],
      registers,
    }),
    sweeping: new Histogram({
      name: 'vault_refresh_sweep_seconds',
      help: 'How long a sweep of the due index took',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
  };
  beginAtZero(opened.due, { queue: queues, result: ['queued', 'put_off'] });
  beginAtZero(opened.processed, { queue: queues, result: Object.keys(RESULTS) });
  for (const queue of queues) opened.attending.zero({ queue });
  return opened;
};
