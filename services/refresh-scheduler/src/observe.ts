import type { ServiceContext } from '@vault-engine/runtime';
import type { PlatformId } from '@vault-engine/vault';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Outcome } from './attend-due.ts';
import { type DueJob, queueName } from './due-job.ts';
import type { Dispatched } from './sweep.ts';

/** What the scheduler tells of its work. No label and no line names a user. */
export interface Observed {
  readonly dispatched: (platform: PlatformId | null, dispatched: Dispatched) => void;
  readonly attended: (job: DueJob, outcome: Outcome, durationMs: number) => void;
  readonly swept: (durationMs: number) => void;
}

/** Opens the metrics. */
export const observe = ({ log, metrics }: Pick<ServiceContext<unknown>, 'log' | 'metrics'>): Observed => {
  const registers = [metrics];
  const due = new Counter({
    name: 'vault_refresh_due_total',
    help: 'What has fallen due, by queue: queued, or put off because the queue was full',
    labelNames: ['queue', 'result'],
    registers,
  });
  const waiting = new Gauge({
    name: 'vault_refresh_waiting',
    help: 'Jobs that waited in a queue when something was last put there',
    labelNames: ['queue'],
    registers,
  });
  const attended = new Counter({
    name: 'vault_refresh_attended_total',
    help: 'Jobs that were done, by queue and what came of them',
    labelNames: ['queue', 'result'],
    registers,
  });
  const durations = new Histogram({
    name: 'vault_refresh_attended_seconds',
    help: 'How long a job took',
    labelNames: ['queue'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25],
    registers,
  });
  const sweeps = new Histogram({
    name: 'vault_refresh_sweep_seconds',
    help: 'How long a sweep of the due index took',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const full = new Set<string>();
  return {
    dispatched: (platform, { queued, putOff, waiting: wait }) => {
      const queue = queueName(platform);
      due.inc({ queue, result: 'queued' }, queued);
      due.inc({ queue, result: 'put_off' }, putOff);
      waiting.set({ queue }, wait);
      if (putOff > 0 && !full.has(queue)) log.warn('a queue is full: what is due is put off', { platform });
      if (putOff === 0 && full.has(queue)) log.info('a queue has room again', { platform });
      full[putOff > 0 ? 'add' : 'delete'](queue);
    },
    attended: ({ platform }, result, durationMs) => {
      const queue = queueName(platform);
      attended.inc({ queue, result });
      durations.observe({ queue }, durationMs / 1_000);
      const level = WORTH_READING.has(result) ? 'info' : 'debug';
      log[level]('what had fallen due was attended to', { platform, result, durationMs });
    },
    swept: (durationMs) => sweeps.observe(durationMs / 1_000),
  };
};

/** What changed a connection. */
const WORTH_READING: ReadonlySet<Outcome> = new Set(['renewed', 'failed', 'dead', 'told', 'abandoned']);
