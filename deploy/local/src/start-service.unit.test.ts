import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { freePort } from './ports.ts';
import { root } from './root.ts';
import { startService } from './start-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'vault-engine-service-'));
afterAll(() => rmSync(folder, { recursive: true }));

const server = `
  import { createServer } from 'node:http';
  console.log('listening as', process.env.NAME);
  createServer((request, response) => response.end('ready')).listen(Number(process.env.PORT), '127.0.0.1');
`;

test('a service is ready when its address answers, writes to its log, and stops on request', async () => {
  const crashes: string[] = [];
  const service = await startService(await options('served', server, (what) => crashes.push(what)));
  expect(readFileSync(service.logFile, 'utf8')).toContain('listening as served');
  await service.stop();
  expect(crashes).toEqual([]);
});

test('a service that ends before it is ready is reported with the last lines of its log', async () => {
  const broken = await options('broken', `console.error('VAULT_REDIS_URL is missing'); process.exit(2);`);
  await expect(startService(broken)).rejects.toThrow(
    /broken ended early \(exit code 2\)\n.*VAULT_REDIS_URL is missing/s,
  );
});

test('a service that is not ready in time is reported and ended', async () => {
  const idle = {
    ...(await options('idle', `console.log('waiting'); setInterval(() => 0, 1000);`)),
    readyWithinMs: 500,
  };
  await expect(startService(idle)).rejects.toThrow(/idle is not ready after 0.5 s\n.*waiting/s);
});

test('a service that ends later by itself is reported', async () => {
  const crashes: string[] = [];
  const crashing = `${server} setTimeout(() => process.exit(70), 300);`;
  await startService(await options('crashing', crashing, (what) => crashes.push(what)));
  await vi.waitFor(() => expect(crashes).toEqual([expect.stringContaining('crashing ended (exit code 70)')]), 5_000);
});

async function options(name: string, source: string, onCrash: (what: string) => void = () => undefined) {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, source);
  const port = await freePort();
  const env = { NAME: name, PORT: String(port) };
  return { name, entry: relative(root, path), env, ready: `http://127.0.0.1:${port}/`, logDir: folder, onCrash };
}
