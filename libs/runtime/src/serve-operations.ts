import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Registry } from 'prom-client';
import type { Health } from './health.ts';
import type { OperationsSettings } from './settings.ts';

/** The HTTP server for operators and orchestrators. */
export interface OperationsServer {
  /** The base URL, e.g. `http://127.0.0.1:9464`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * Serves `/metrics` (Prometheus text), `/healthz` (alive: the event loop answers) and `/readyz` (200 or 503, with the
 * state of each part). Rejects when the address is taken.
 */
export const serveOperations = async (
  { host, port }: OperationsSettings,
  metrics: Registry,
  health: Health,
): Promise<OperationsServer> => {
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 5000 }, (request, response) => {
    answer(request, metrics, health)
      .catch(() => ({ status: 500, type: 'text/plain', body: 'metrics cannot be collected\n' }))
      .then((result) => send(response, request.method === 'HEAD', result));
  });
  await listen(server, host, port);
  return { url: urlOf(server, host), close: () => close(server) };
};

const answer = async (request: IncomingMessage, metrics: Registry, health: Health): Promise<Answer> => {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, type: 'text/plain', body: 'GET or HEAD only\n' };
  switch (request.url?.split('?', 1)[0]) {
    case '/healthz':
      return { status: 200, type: 'text/plain', body: 'alive\n' };
    case '/readyz': {
      const report = health.report();
      return { status: report.ready ? 200 : 503, type: 'application/json', body: `${JSON.stringify(report)}\n` };
    }
    case '/metrics':
      return { status: 200, type: metrics.contentType, body: await metrics.metrics() };
    default:
      return { status: 404, type: 'text/plain', body: 'not found: /metrics, /healthz, /readyz\n' };
  }
};

const send = (response: ServerResponse, headOnly: boolean, { status, type, body }: Answer) => {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(headOnly ? undefined : body);
};

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

const urlOf = (server: Server, host: string): string => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the operations server has no port');
  return `http://${isIPv6(host) ? `[${host}]` : host}:${address.port}`;
};

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
