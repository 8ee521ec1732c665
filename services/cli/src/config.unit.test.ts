import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigRefused } from '@vault-engine/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliConfig } from './config.ts';
import { CliFailure } from './failure.ts';

let folder: string;
let runFile: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-cli-'));
  runFile = join(folder, 'run.json');
  const engines = join(folder, 'engines.json');
  const kafka = { kid: '00000002', key: 'vek1.kafka' };
  await writeFile(engines, JSON.stringify({ action: { kid: '00000001', key: 'vek1.http', kafka }, old: kafka }));
  const run = { gateway: 'http://g', kafka: 'k:1', registry: 'http://r', redis: 'redis://x', engines, metrics: {} };
  await writeFile(runFile, JSON.stringify(run));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('beside a development start, where nothing names a vault', () => {
  test('the vault is the one that runs, with the key file beside it', () => {
    const config = cliConfig({ PATH: '/bin' }, runFile);
    expect(config.engines()).toEqual({
      environment: 'development',
      kafka: { brokers: ['k:1'], ssl: false, sasl: undefined, topicPrefix: '' },
      registry: { url: 'http://r' },
      key: { wrapper: 'local', keyFile: join(folder, 'keys', 'local.key'), environment: 'development' },
    });
    expect(config.topics()).toMatchObject({ environment: 'development', kafka: { brokers: ['k:1'] } });
  });

  test('one speaks as an engine of it, with its Kafka key', () => {
    expect(cliConfig({}, runFile).token('action')).toMatchObject({ engine: 'action', credential: 'vek1.kafka' });
  });

  test.each(['old', 'nobody', '__proto__'])('an engine without a Kafka key is refused: %s', (engine) => {
    expect(() => cliConfig({}, runFile).token(engine)).toThrow(CliFailure);
  });

  test('one may speak as another engine by its own credential', () => {
    const env = { VAULT_ENGINE_ID: 'other', VAULT_ENGINE_KEY: 'vek1.other' };
    expect(cliConfig(env, runFile).token(undefined)).toMatchObject({ engine: 'other', credential: 'vek1.other' });
  });
});

test('once anything names a vault, nothing is taken from the development start', () => {
  for (const env of [
    { VAULT_REGISTRY_URL: 'http://elsewhere' },
    { VAULT_ENV: 'production' },
    { VAULT_KMS_KEY_ID: 'k' },
  ])
    expect(() => cliConfig(env, runFile).engines()).toThrow(ConfigRefused);
});

describe('without a development start', () => {
  test('a vault has to be named', () => {
    expect(() => cliConfig({}, join(folder, 'none.json')).schemas()).toThrow('npm start');
  });

  test('there is no engine to speak as', () => {
    const env = { VAULT_KAFKA_BROKERS: 'k:1', VAULT_REGISTRY_URL: 'http://r' };
    expect(() => cliConfig(env, join(folder, 'none.json')).token('action')).toThrow('--as');
  });

  test('a run file that is none is told, and its content is not', async () => {
    const path = join(folder, 'broken.json');
    await writeFile(path, '{"engines": "SECRET');
    expect(() => cliConfig({}, path).topics()).toThrow(`${path} is not JSON`);
    await writeFile(path, '{"engines": "SECRET"}');
    expect(() => cliConfig({}, path).topics()).toThrow(/^(?!.*SECRET).*npm start/);
  });
});
