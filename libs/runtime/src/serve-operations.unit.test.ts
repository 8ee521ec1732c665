import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHealth, type Health } from './health.ts';
import { createMetrics } from './metrics.ts';
import { type OperationsServer, serveOperations } from './serve-operations.ts';

describe('the operations server', () => {
  let health: Health;
  let server: OperationsServer;
  beforeEach(async () => {
    health = createHealth();
    server = await serveOperations({ host: '127.0.0.1', port: 0 }, createMetrics('test', health), health);
  });
  afterEach(() => server.close());
  const get = (path: string, method = 'GET') => fetch(`${server.url}${path}`, { method });

  it('is alive while its parts are not ready', async () => {
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(503);
  });

  it('answers readiness with the state of each part', async () => {
    health.set('store', { state: 'waiting', reason: 'PortUnavailable' });
    health.started();
    const waiting = await get('/readyz');
    expect(waiting.status).toBe(503);
    expect(await waiting.json()).toMatchObject({
      ready: false,
      parts: { store: { state: 'waiting', reason: 'PortUnavailable' } },
    });
    health.set('store', { state: 'ready' });
    expect((await get('/readyz')).status).toBe(200);
  });

  it('serves metrics: the delay of the event loop, and each part', async () => {
    health.set('store', { state: 'ready' });
    health.set('bus', { state: 'waiting', reason: 'x' });
    const text = await (await get('/metrics')).text();
    expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds\{service="test"\} [\d.e-]+/);
    expect(text).toContain('vault_part_ready{part="store",service="test"} 1');
    expect(text).toContain('vault_part_ready{part="bus",service="test"} 0');
  });

  it('answers 404 for other paths and 405 for other methods', async () => {
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics', 'POST')).status).toBe(405);
    expect(await (await get('/readyz', 'HEAD')).text()).toBe('');
  });

  it('rejects when its address is in use', async () => {
    const port = Number(new URL(server.url).port);
    const second = serveOperations({ host: '127.0.0.1', port }, createMetrics('test', health), health);
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
