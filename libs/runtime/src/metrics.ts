import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Health } from './health.ts';

/**
 * A registry with the process's own metrics, including the delay of the event loop (`nodejs_eventloop_lag_*_seconds`),
 * and with `vault_part_ready{part}`. No label may hold a user id or any other unbounded value.
 */
export const createMetrics = (service: string, health: Health): Registry => {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 });
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
