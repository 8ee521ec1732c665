import { createServer } from 'node:net';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { freePort, isFree, portHolder } from './ports.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a free port is free, and below the range from which clients get theirs', async () => {
  const port = await freePort();
  expect(await isFree(port)).toBe(true);
  expect(port).toBeLessThan(32_768);
});

test('a taken port is passed over', async () => {
  const taken = await listen(await freePort());
  vi.stubEnv('VAULT_FREE_PORTS', '20000-31999');
  const draws = [(taken - 20_000 + 0.5) / 11_999, (taken - 20_000 + 1.5) / 11_999];
  expect(await freePort(1, () => draws.shift() ?? Math.random())).not.toBe(taken);
});

test('a row of free ports is free as a whole', async () => {
  const taken = await listen(await freePort());
  vi.stubEnv('VAULT_FREE_PORTS', '20000-31999');
  const draws = [(taken - 20_000 - 2 + 0.5) / 11_995];
  const first = await freePort(5, () => draws.shift() ?? Math.random());
  expect(taken < first || taken > first + 4).toBe(true);
});

test('free ports are looked for in the range that is given', async () => {
  vi.stubEnv('VAULT_FREE_PORTS', '25000-25499');
  const port = await freePort();
  expect(port >= 25_000 && port < 25_500).toBe(true);
});

test.runIf(process.platform === 'linux')('the holder of a taken port is named with its process id', async () => {
  const port = await listen(await freePort());
  expect(await isFree(port)).toBe(false);
  expect(await portHolder(port)).toContain(`(pid ${process.pid})`);
});

test('a free port has no holder', async () => {
  expect(await portHolder(await freePort())).toBeUndefined();
});

async function listen(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return port;
}
