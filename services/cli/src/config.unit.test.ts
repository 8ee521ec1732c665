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

describe('with npm start running and no vault selected', () => {
  test('the settings come from the run file, with its key file', () => {
    const config = cliConfig({ PATH: '/bin' }, runFile);
    expect(config.engines()).toEqual({
      environment: 'development',
      kafka: { brokers: ['k:1'], ssl: false, sasl: undefined, topicPrefix: '' },
      registry: { url: 'http://r' },
      profiles: { folders: [], allowInsecureLoopback: true, timeoutMs: 10_000 },
      key: {
        wrapper: 'local',
        keyFile: join(folder, 'keys', 'local.key'),
        environment: 'development',
        branches: 64,
        outageMs: 3_600_000,
      },
    });
    expect(config.topics()).toMatchObject({ environment: 'development', kafka: { brokers: ['k:1'] } });
  });

  test('--as uses the Kafka key of a development engine', () => {
    expect(cliConfig({}, runFile).token('action')).toMatchObject({ engine: 'action', credential: 'vek1.kafka' });
  });

  test.each(['old', 'nobody', '__proto__'])('--as refuses an engine without a Kafka key: %s', (engine) => {
    expect(() => cliConfig({}, runFile).token(engine)).toThrow(CliFailure);
  });

  test('another engine is used by its own credential', () => {
    const env = { VAULT_ENGINE_ID: 'other', VAULT_ENGINE_KEY: 'vek1.other' };
    expect(cliConfig(env, runFile).token(undefined)).toMatchObject({ engine: 'other', credential: 'vek1.other' });
  });
});

test('any setting that selects a vault disables the run file', () => {
  for (const env of [
    { VAULT_REGISTRY_URL: 'http://elsewhere' },
    { VAULT_ENV: 'production' },
    { VAULT_KMS_KEY_ID: 'k' },
  ])
    expect(() => cliConfig(env, runFile).engines()).toThrow(ConfigRefused);
});

describe('without npm start', () => {
  test('a vault has to be configured', () => {
    expect(() => cliConfig({}, join(folder, 'none.json')).schemas()).toThrow('npm start');
  });

  test('--as is refused', () => {
    const env = { VAULT_KAFKA_BROKERS: 'k:1', VAULT_REGISTRY_URL: 'http://r' };
    expect(() => cliConfig(env, join(folder, 'none.json')).token('action')).toThrow('--as');
  });

  test('an invalid run file is reported without its content', async () => {
    const path = join(folder, 'broken.json');
    await writeFile(path, '{"engines": "SECRET');
    expect(() => cliConfig({}, path).topics()).toThrow(`${path} is not JSON`);
    await writeFile(path, '{"engines": "SECRET"}');
    expect(() => cliConfig({}, path).topics()).toThrow(/^(?!.*SECRET).*npm start/);
  });

  test('a run file of a start that was killed is noticed', async () => {
    const path = join(folder, 'stale.json');
    const run = { kafka: 'k:1', registry: 'http://r', redis: 'redis://x', engines: 'none' };
    await writeFile(path, JSON.stringify({ ...run, pid: 2 ** 30 }));
    expect(() => cliConfig({}, path).topics()).toThrow(`${path} is left over from an npm start that has ended`);
    await writeFile(path, JSON.stringify({ ...run, pid: process.pid }));
    expect(cliConfig({}, path).topics()).toMatchObject({ kafka: { brokers: ['k:1'] } });
  });
});
