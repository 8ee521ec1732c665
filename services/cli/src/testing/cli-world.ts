import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openWorld, type World } from '@vault-engine/world';

/** The result of one run of the CLI. */
export interface Ran {
  readonly code: number | null;
  /** Lines of standard output. */
  readonly out: readonly string[];
  /** Lines of standard error. */
  readonly err: readonly string[];
}

/** The CLI in a test world; each run is a process. */
export interface CliWorld {
  readonly world: World;
  readonly folder: string;
  /** The settings that select this world's vault. */
  readonly env: Readonly<Record<string, string>>;
  readonly vault: (words: readonly string[], more?: { env?: Record<string, string>; input?: string }) => Promise<Ran>;
  /** Writes a file into the world's folder and returns its path. */
  readonly file: (name: string, text: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Opens a world with a key file and without topics. */
export const openCliWorld = async (): Promise<CliWorld> => {
  const world = await openWorld();
  const folder = await mkdtemp(join(tmpdir(), 'vault-cli-'));
  const keyFile = join(folder, 'local.key');
  await writeFile(keyFile, randomBytes(32), { mode: 0o600 });
  const env = {
    VAULT_ENV: 'development',
    VAULT_KAFKA_BROKERS: world.brokers.join(','),
    VAULT_REGISTRY_URL: world.registryUrl,
    VAULT_TOPIC_PREFIX: world.topicPrefix,
    VAULT_KEY_WRAPPER: 'local',
    VAULT_LOCAL_KEY_FILE: keyFile,
  };
  return {
    world,
    folder,
    env,
    vault: (words, more = {}) => run(words, { ...env, ...more.env }, more.input ?? ''),
    file: async (name, text) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    },
    close: async () => {
      await world.close();
      await rm(folder, { recursive: true });
    },
  };
};

const run = (words: readonly string[], env: Readonly<Record<string, string>>, input: string): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const { NODE_COMPILE_CACHE = '' } = process.env;
    const child = spawn(process.execPath, [MAIN, ...words], {
      env: { NODE_COMPILE_CACHE, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out: linesOf(out), err: linesOf(err) }));
    // The process may end before it has read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });

const linesOf = (chunks: readonly Buffer[]): readonly string[] =>
  Buffer.concat(chunks)
    .toString()
    .split('\n')
    .filter((line) => line !== '');
