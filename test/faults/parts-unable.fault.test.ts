import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningPart, startPart } from '@vault-engine/local';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';

let registry: RunningPart;
let redis: RunningPart;
let at: FaultVault;

beforeAll(async () => {
  [registry, redis] = await Promise.all([startPart('registry'), startPart('redis')]);
  at = await openFaultVault({
    parts: { registryUrl: registry.address, redisUrl: redis.address },
    timeoutMs: 2_000,
  });
});
afterAll(async () => {
  await at.close();
  await Promise.all([registry.stop(), redis.stop()]);
});

it('answers retryable errors while Redis is full, hands tokens out all the same, and then succeeds', async () => {
  const direct = new Redis(redis.address);
  const { account } = await at.prove({
    name: 'full',
    users: 20,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    during: async (traffic) => {
      await at.callers.writer.storeToken({ userId: 'before', platform: 'gmail', accessToken: 'abcd', scopes: [] });
      await traffic.answered(100);
      await direct.config('SET', 'maxmemory', '1');
      await sleep(OUT_FOR_MS);
      const before = await at.callers.reader.getToken({ userId: 'before', platform: 'gmail' });
      expect(before.accessToken).toBe('abcd');
      await direct.config('SET', 'maxmemory', '0');
      await traffic.answered(traffic.count() + 100);
    },
  });
  direct.disconnect();
  expect(account.seen.flatMap(({ errors }) => errors)).toContain('storage_unavailable');
});

/** Longer than a caller waits. */
const OUT_FOR_MS = 3_000;

it('answers retryable errors while Redis stands still with its connections open, and then succeeds', async () => {
  const { account } = await at.prove({
    name: 'still',
    users: 20,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    during: async (traffic) => {
      await traffic.answered(100);
      redis.pause();
      await sleep(OUT_FOR_MS);
      redis.resume();
      await traffic.answered(traffic.count() + 100);
    },
  });
  expect(account.seen.flatMap(({ errors }) => errors)).toContain('storage_unavailable');
});

it('waits unready for the registry at its start, and serves what has come meanwhile', async () => {
  await at.worker().stop();
  await registry.kill('SIGKILL');
  await at.prove({
    name: 'cold',
    users: 20,
    stepsPerUser: 5,
    timeoutMs: 30_000,
    during: async () => {
      const ready = { yet: false };
      const starting = at.startWorker().then(() => {
        ready.yet = true;
      });
      await sleep(COLD_FOR_MS);
      expect(ready.yet).toBe(false);
      await registry.start();
      await starting;
    },
  });
});

/** Longer than a worker takes to start where nothing is missing. */
const COLD_FOR_MS = 3_000;
