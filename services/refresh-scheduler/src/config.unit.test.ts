import { expect, test } from 'vitest';
import { readSchedulerConfig } from './config.ts';

const env = {
  VAULT_ENV: 'development',
  VAULT_KAFKA_BROKERS: '127.0.0.1:9092',
  VAULT_REGISTRY_URL: 'http://127.0.0.1:8081',
  VAULT_REDIS_URL: 'redis://127.0.0.1:6379',
  VAULT_KEY_WRAPPER: 'local',
  VAULT_LOCAL_KEY_FILE: '/keys/local.key',
};

test('sweeps every second by default', () => {
  expect(readSchedulerConfig(env).sweep).toEqual({ everyMs: 1_000, batch: 500, againInMs: 30_000, mayWait: 5_000 });
});

test('names every invalid variable', () => {
  const wrong = { VAULT_SCHEDULER_AGAIN_MS: '10', VAULT_SCHEDULER_MAY_WAIT: 'many' };
  expect(() => readSchedulerConfig({ ...env, ...wrong })).toThrow(
    /VAULT_SCHEDULER_AGAIN_MS[\s\S]*VAULT_SCHEDULER_MAY_WAIT/,
  );
});
