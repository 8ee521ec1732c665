import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const DEVELOPMENT = { VAULT_ENV: 'development', VAULT_ALLOW_INSECURE_LOOPBACK: '1' };

let folder: string;
let server: Server;
let url: string;
const written: Buffer[] = [];

beforeAll(async () => {
  server = createServer((socket) => socket.on('data', (data) => written.push(data)).on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  url = `http://127.0.0.1:${port}`;
  folder = await mkdtemp(join(tmpdir(), 'vault-cli-'));
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const check = async (words: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, [MAIN, 'platforms', 'check', ...words], { env });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, out, err };
};
const withDemo = async (tokenUrl: string) => {
  await writeFile(
    join(folder, 'demo.yaml'),
    `display_name: Demo\nauth: none # unverified\ntoken: {url: "${tokenUrl}"}\n`,
  );
  return { ...DEVELOPMENT, VAULT_PROFILES: folder };
};

test('check works without a vault, and prints unverified facts of the built-in profiles with their position', async () => {
  const { code, out, err } = await check([]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/platform-profiles\/families\/google\.yaml:\d+ rotation\.mode: unverified\n/);
  expect(out).toMatch(/16 profiles are valid; unverified facts: \d+\n$/);
});

test('check prints JSON for selected platforms', async () => {
  const { code, out } = await check(['gmail', 'xero', '--json']);
  expect(code).toBe(0);
  const report = JSON.parse(out);
  expect(report).toMatchObject({ platforms: ['gmail', 'xero'], hosts: null });
  const files = new Set(report.unverified.map(({ file }: { file: string }) => file.split('/').at(-1)));
  expect(files).toEqual(new Set(['google.yaml', 'gmail.yaml', 'xero.yaml']));
});

test('--live connects to the token hosts without sending a byte', async () => {
  const env = await withDemo(`${url}/token`);
  const { code, out } = await check(['demo', '--live'], env);
  expect({ code, out }).toEqual({
    code: 0,
    out: `${join(folder, 'demo.yaml')}:2 auth: unverified\ndemo: ${new URL(url).host} answers at 127.0.0.1\n1 profile is valid; unverified facts: 1\n`,
  });
  expect(written).toEqual([]);
});

test('--live reports an unreachable host', async () => {
  const env = await withDemo('http://127.0.0.1:1/token');
  const { code, out, err } = await check(['demo', '--live'], env);
  expect({ code, err }).toEqual({ code: 1, err: 'not every token host was reached\n' });
  expect(out).toContain('demo: 127.0.0.1:1 was not reached: unreachable\n');
});

test('a faulty profile is reported with its position, and nothing else is printed', async () => {
  const env = await withDemo('http://provider.example/token');
  const { code, out, err } = await check([], env);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain(`${join(folder, 'demo.yaml')}:3:14 \`token.url\`: expected an https URL`);
});

test('a loopback URL is refused in production', async () => {
  const env = { ...(await withDemo(url)), VAULT_ENV: 'production' };
  expect(await check([], env)).toMatchObject({
    code: 78,
    err: expect.stringContaining('VAULT_ALLOW_INSECURE_LOOPBACK'),
  });
  const { VAULT_ALLOW_INSECURE_LOOPBACK: _, ...without } = env;
  expect(await check([], without)).toMatchObject({ code: 1, err: expect.stringContaining('names this machine') });
});

test('an unknown platform is a usage error, and is not repeated', async () => {
  const { code, out, err } = await check(['canary']);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).not.toContain('canary');
});
