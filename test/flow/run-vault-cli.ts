import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { refreshEnvironment } from '@vault-engine/development';
import type { TestVault } from './open-vault.ts';

const MAIN = fileURLToPath(new URL('../../services/cli/src/main.ts', import.meta.url));

/** What one run of the command line gave. */
export interface Ran {
  readonly code: number | null;
  /** Lines of standard output. */
  readonly out: readonly string[];
  /** Lines of standard error. */
  readonly err: readonly string[];
}

/** Runs `npm run vault -- …` against a test's vault, with `further` variables. */
export const runVaultCli = async (
  { place }: TestVault,
  words: readonly string[],
  further: Readonly<Record<string, string>> = {},
): Promise<Ran> => {
  const { NODE_COMPILE_CACHE = '' } = process.env;
  const env = {
    NODE_COMPILE_CACHE,
    VAULT_ENV: 'development',
    VAULT_KAFKA_BROKERS: place.brokers.join(','),
    VAULT_REGISTRY_URL: place.registryUrl,
    VAULT_REDIS_URL: place.redisUrl,
    VAULT_TOPIC_PREFIX: place.topicPrefix,
    VAULT_KEY_PREFIX: place.keyPrefix,
    VAULT_KEY_WRAPPER: 'local',
    VAULT_LOCAL_KEY_FILE: place.keyFile,
    VAULT_ALLOW_INSECURE_LOOPBACK: '1',
    ...refreshEnvironment(place),
    ...further,
  };
  const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, out: linesOf(out), err: linesOf(err) };
};

const linesOf = (output: string): readonly string[] => output.split('\n').filter((line) => line !== '');
