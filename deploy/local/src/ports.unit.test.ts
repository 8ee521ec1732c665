import { createServer } from 'node:net';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { freePort, isFree, portHolder } from './ports.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a free port is below the ephemeral range', async () => {
  const port = await freePort();
  expect(await isFree(port)).toBe(true);
  expect(port).toBeLessThan(32_768);
});

test('a port in use is skipped', async () => {
  const taken = await listen(await freePort());
  await lookWithin(`${taken}-${taken + 5}`);
  expect(await freePort(1, () => 0)).toBeGreaterThan(taken);
});

test('consecutive ports are all free', async () => {
  const taken = await listen(await freePort());
  await lookWithin(`${taken - 2}-${taken + 20}`);
  expect(await freePort(5, () => 0)).toBeGreaterThan(taken);
});

test('no port is returned twice before its user listens', async () => {
  vi.stubEnv('VAULT_FREE_PORTS', '25000-25499');
  const row = async () => {
    const first = await freePort(10);
    return Array.from({ length: 10 }, (_, offset) => first + offset);
  };
  const ports = await Promise.all([row(), ...Array.from({ length: 100 }, () => freePort()), row()]);
  expect(new Set(ports.flat()).size).toBe(120);
});

test('the search wraps around at the end of the range', async () => {
  vi.stubEnv('VAULT_FREE_PORTS', '25500-25519');
  const ports: number[] = [];
  for (let count = 0; count < 21; count++) ports.push(await freePort(1, () => 0.5));
  expect(ports.every((port) => port >= 25_500 && port < 25_520)).toBe(true);
  expect(new Set(ports).size).toBe(20);
});

test('a range without a free port is an error', async () => {
  const taken = await listen(await freePort());
  await lookWithin(`${taken}-${taken}`);
  await expect(freePort()).rejects.toThrow(`no free port between ${taken} and ${taken}`);
});

test('ports are taken from the configured range', async () => {
  vi.stubEnv('VAULT_FREE_PORTS', '25000-25499');
  const port = await freePort();
  expect(port >= 25_000 && port < 25_500).toBe(true);
});

test.runIf(process.platform === 'linux')('the holder of a port is named with its process id', async () => {
  const port = await listen(await freePort());
  expect(await isFree(port)).toBe(false);
  expect(await portHolder(port)).toContain(`(pid ${process.pid})`);
});

test('a free port has no holder', async () => {
  expect(await portHolder(await freePort())).toBeUndefined();
});

/** From now on ports are looked for in `range`, from its beginning or what is drawn on. */
async function lookWithin(range: string): Promise<void> {
  vi.stubEnv('VAULT_FREE_PORTS', '32700-32767');
  await freePort();
  vi.stubEnv('VAULT_FREE_PORTS', range);
}

async function listen(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return port;
}
