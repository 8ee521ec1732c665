import { type Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { showEventLoopDelay } from './event-loop-delay.ts';
import type { Health } from './health.ts';

/** prom-client's own histogram of the event loop is replaced: its timer runs once a day. */
const ONCE_A_DAY_MS = 86_400_000;

/**
 * A registry with the process's own metrics, including the delay of the event loop (`nodejs_eventloop_lag_*_seconds`),
 * and with `vault_part_ready{part}`. No label may hold a user id or any other unbounded value.
 */
export const createMetrics = (service: string, health: Health): Registry => {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: ONCE_A_DAY_MS });
  showEventLoopDelay(registry);
  const parts = new Gauge({
    name: 'vault_part_ready',
    help: 'Whether a part of the service answers: 1 ready, 0 waiting',
    labelNames: ['part'],
    registers: [registry],
    collect: () => {
      for (const [part, { state }] of Object.entries(health.report().parts))
        parts.set({ part }, state === 'ready' ? 1 : 0);
    },
  });
  return registry;
};

/**
 * Creates the series of every combination of these label values, at 0. Prometheus computes `increase()` from two samples:
 * a series whose first sample is 1 has no increase, so an alert would miss the first event. Each list of values has to be
 * closed: their product is the number of series.
 */
export const beginAtZero = <Label extends string>(
  counter: Pick<Counter<Label>, 'inc'>,
  values: Readonly<Record<Label, readonly string[]>>,
): void => {
  const names = Object.keys(values) as Label[]; // the record's own keys
  const combinations = names.reduce<Partial<Record<Label, string>>[]>(
    (series, name) => series.flatMap((labels) => values[name].map((value) => ({ ...labels, [name]: value }))),
    [{}],
  );
  for (const labels of combinations) counter.inc(labels, 0);
};
