import { beginAtZero, type LogFields, limitLines, type ServiceContext } from '@vault-engine/runtime';
import { ERRORS } from '@vault-engine/vault';
import { Counter, Histogram } from 'prom-client';
import type { Answered } from './build-gateway.ts';
import * as routes from './routes.ts';

/** The label of every path that is not a route: as labels, paths of callers would be unbounded. */
const NO_ROUTE = 'none';
/** Stands for callers without a valid credential in the limit of lines. */
const NO_ENGINE = '';
const OPERATIONS = Object.values(routes).map(({ url }) => url);
/** Statuses of HTTP's own errors, which have the code `invalid_request`. */
const HTTP_REFUSALS = ['400', '404', '405', '408', '413', '415', '431', '501'];

/**
 * Logs and measures how each request ended. `requestId` is the answer's `x-command-id`, also in the audit log.
 *
 * Series exist from the first scrape on: for each operation `ok` and every error code with its status, and the errors of HTTP
 * itself. A refusal of the gateway is logged at `info`, a failure at `warn`, at most 20 lines a second for each engine. What the
 * vault refused is in the command-worker's log, under the same request id.
 */
export const observe = (
  { log, metrics }: Pick<ServiceContext<unknown>, 'log' | 'metrics'>,
  now: () => number,
): ((answered: Answered) => void) => {
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
  beginAtZero(requests, { route: OPERATIONS, status: ['200'], result: ['ok'] });
  for (const [code, { http }] of Object.entries(ERRORS))
    beginAtZero(requests, { route: OPERATIONS, status: [String(http)], result: [code] });
  beginAtZero(requests, { route: [...OPERATIONS, NO_ROUTE], status: HTTP_REFUSALS, result: ['invalid_request'] });
  for (const route of OPERATIONS) durations.zero({ route });
  const mayLog = limitLines(now);
  const logRefusal = (fields: LogFields & { readonly engine: string | null; readonly status: number }): void => {
    const leftOut = mayLog(fields.engine ?? NO_ENGINE);
    if (leftOut === null) return;
    const counted = leftOut === 0 ? fields : { ...fields, count: leftOut };
    if (fields.status < 500) log.info('request refused', counted);
    else log.warn('request failed', counted);
  };
  return ({ requestId, engine, route, status, result, refusedByVault, durationMs, error }) => {
    const name = route ?? NO_ROUTE;
    requests.inc({ route: name, status: String(status), result });
    durations.observe({ route: name }, durationMs / 1_000);
    const fields = { requestId, engine, action: name, status, result, durationMs };
    if (error !== undefined) log.error('request failed unexpectedly', { ...fields, error });
    else if (status < 400) log.debug('request answered', fields);
    else if (refusedByVault) log.debug('request refused by the vault', fields);
    else logRefusal(fields);
  };
};
