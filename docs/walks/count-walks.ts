import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { VaultClient } from '@vault-engine/client';
import { recordCoverage } from './record-coverage.mjs';

/**
 * Counts the source files of this project that run on the three walks of `docs/ARCHITECTURE.md`: a `GetToken` and a
 * `StoreToken` from `libs/client` to the reply, and a refresh that the scheduler makes ahead of time. A file counts when one of
 * its functions runs (V8's precise coverage), in the client or in the service.
 *
 * ```sh
 * node docs/walks/count-walks.ts [--root FOLDER] [--list]
 * ```
 *
 * `--root` counts another checkout, whose packages are installed. It starts that checkout's `npm start` and ends it.
 */
const root = resolve(argumentOf('--root') ?? fileURLToPath(new URL('../../', import.meta.url)));
const list = process.argv.includes('--list');
const runFile = join(root, '.local/run.json');
const folder = mkdtempSync(join(tmpdir(), 'vault-walks-'));
const START_LIMIT_MS = 180_000;
const REFRESH_LIMIT_MS = 180_000;
/** Longer than the commit interval of a consumer, so that a command's commit is part of its walk. */
const SETTLE_MS = 600;
/** Calls before a walk is counted: connections are open and caches filled by then. */
const WARM_UP_CALLS = 5;

type Coverage = Readonly<Record<string, readonly string[]>>;
type Engines = Readonly<Record<string, { readonly kafka: { readonly key: string } }>>;

const numbers = new Map<string, number>();
const takeOwn = recordCoverage();
const vaultProcess = startVault();
try {
  await until(() => existsSync(runFile), START_LIMIT_MS, 'npm start is not ready');
  const vault = await connect();
  try {
    await countCalls(vault);
    await countScheduledRefresh(vault);
  } finally {
    await vault.close();
  }
} finally {
  await stopVault(vaultProcess);
  rmSync(folder, { recursive: true, force: true });
}

async function countCalls(vault: VaultClient): Promise<void> {
  const name = { userId: 'walks', platform: 'gmail' };
  const store = () =>
    vault.storeToken({ ...name, accessToken: 'a', scopes: [], expiresAt: new Date(Date.now() + 3_600_000) });
  const get = () => vault.getToken(name);
  for (const [title, call] of [
    ['StoreToken', store],
    ['GetToken', get],
  ] as const) {
    for (let calls = 0; calls < WARM_UP_CALLS; calls += 1) await call();
    await sleep(SETTLE_MS);
    await collect('command-worker');
    takeOwn();
    await call();
    await sleep(SETTLE_MS);
    report(title, { client: takeOwn(), 'command-worker': await collect('command-worker') });
  }
}

/** The platform `demo` of `npm start` issues tokens of two minutes: one is refreshed ahead of time before they are over. */
async function countScheduledRefresh(vault: VaultClient): Promise<void> {
  const version = async () => (await vault.getToken({ userId: 'demo-user', platform: 'demo' })).tokenVersion;
  const first = await version();
  await collect('refresh-scheduler');
  await until(async () => (await version()) !== first, REFRESH_LIMIT_MS, 'nothing refreshed the token of demo-user');
  await sleep(SETTLE_MS);
  report('scheduled refresh', { 'refresh-scheduler': await collect('refresh-scheduler') });
}

function report(title: string, parts: Readonly<Record<string, Coverage>>): void {
  const files = new Map(Object.entries(parts).map(([part, coverage]) => [part, oursIn(coverage)]));
  const all = new Set([...files.values()].flat());
  const each = [...files].map(([part, names]) => `${part} ${names.length}`).join(', ');
  console.log(`${title}: ${all.size} files (${each})`);
  if (list) for (const file of [...all].sort()) console.log(`  ${file}`);
}

function oursIn(coverage: Coverage): string[] {
  const base = pathToFileURL(`${root}/`).href;
  return Object.keys(coverage)
    .filter((url) => url.startsWith(base) && !url.includes('/node_modules/') && !url.includes('/docs/walks/'))
    .map((url) => url.slice(base.length));
}

/** What `service` has run since it was last asked. */
async function collect(service: string): Promise<Coverage> {
  const pid = Number(readFileSync(join(folder, `${service}.pid`), 'utf8'));
  const number = (numbers.get(service) ?? 0) + 1;
  numbers.set(service, number);
  process.kill(pid, 'SIGUSR2');
  const file = join(folder, `${service}-${number}.json`);
  await until(() => existsSync(file), 10_000, `${service} does not tell what has run`);
  return JSON.parse(readFileSync(file, 'utf8')) as Coverage; // written by record-coverage.mjs
}

async function connect(): Promise<VaultClient> {
  const { kafka, registry, engines } = JSON.parse(readFileSync(runFile, 'utf8')) as Record<string, string>;
  const keys = JSON.parse(readFileSync(String(engines), 'utf8')) as Engines;
  const client = (await import(`${root}/libs/client/src/index.ts`)) as typeof import('@vault-engine/client');
  return client.connectVault({
    brokers: String(kafka).split(','),
    registryUrl: String(registry),
    engine: 'action',
    credential: keys['action']?.kafka.key ?? '',
  });
}

function startVault(): ChildProcess {
  const preload = fileURLToPath(new URL('record-coverage.mjs', import.meta.url));
  const env = { ...process.env, NODE_OPTIONS: `--import=${preload}`, VAULT_WALKS_FOLDER: folder };
  return spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] });
}

async function stopVault(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGINT');
  await ended;
}

async function until(holds: () => boolean | Promise<boolean>, limitMs: number, otherwise: string): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(otherwise);
    await sleep(250);
  }
}

function argumentOf(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}
