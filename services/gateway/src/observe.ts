import type { ServiceContext } from '@vault-engine/runtime';
import { Counter, Histogram } from 'prom-client';
import type { Answered } from './build-gateway.ts';

/** Logs and measures how each request ended. `requestId` is the answer's `x-command-id`, also in the audit log. */
export const observe = ({
  log,
  metrics,
}: Pick<ServiceContext<unknown>, 'log' | 'metrics'>): ((answered: Answered) => void) => {
  const requests = new Counter({
    name: 'vault_http_requests_total',
    help: 'HTTP requests that were answered, by route, status and result',
    labelNames: ['route', 'status', 'result'],
    registers: [metrics],
  });
  const durations = new Histogram({
    name: 'vault_http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer',
    labelNames: ['route'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [metrics],
  });
  return ({ requestId, engine, route, status, result, durationMs, error }) => {
    const name = route ?? 'none';
    requests.inc({ route: name, status: String(status), result });
    durations.observe({ route: name }, durationMs / 1_000);
    const fields = { requestId, engine, action: name, status, result, durationMs };
    if (error !== undefined) log.error('request failed unexpectedly', { ...fields, error });
    else log.debug('request answered', fields);
  };
};
