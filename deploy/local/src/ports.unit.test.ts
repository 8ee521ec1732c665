import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort, isFree, portHolder } from './ports.ts';

test('a free port is free, and below the range from which clients get theirs', async () => {
  const port = await freePort();
  expect(await isFree(port)).toBe(true);
  expect(port).toBeLessThan(32_768);
});

test('a taken port is passed over', async () => {
  const taken = await listen(await freePort());
  const draws = [(taken - 20_000 + 0.5) / 12_000, 0.5];
  const port = await freePort(() => draws.shift() ?? Math.random());
  expect(port).not.toBe(taken);
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
