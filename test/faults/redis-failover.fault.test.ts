import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultConfig } from './config.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { type RedisPair, startRedisPair } from './redis-pair.ts';

let redis: RedisPair;
let at: FaultVault;
beforeAll(async () => {
  redis = await startRedisPair();
  const env = { VAULT_REDIS_WAIT_REPLICAS: '1' };
  at = await openFaultVault({ parts: { redisUrl: redis.url }, timeoutMs: 3_000, env });
});
afterAll(async () => {
  await at.close();
  await redis.stop();
});

/** Longer than a worker leaves a change of another one alone, so that each has looked for what is left. */
const HELD_FOR_MS = 4_000;

it('loses nothing that was acknowledged at a failover, where changes wait for the replica', async () => {
  const { account } = await at.prove({
    name: 'failover',
    users: 20,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    during: async (traffic, random) => {
      for (let round = 0; round < (faultConfig.full ? 10 : 1); round += 1) {
        await traffic.answered(traffic.count() + 50 + random.int(100));
        redis.holdBack();
        await sleep(HELD_FOR_MS);
        await redis.failOver();
        await redis.rejoin();
        await traffic.answered(traffic.count() + 100);
      }
    },
  });
  expect(account.seen.flatMap(({ errors }) => errors)).toContain('storage_unavailable');
}, 240_000);

it('loses the last changes at a failover, and no more, where they do not wait for the replica', async () => {
  await at.worker().stop();
  await at.startWorker({ VAULT_REDIS_WAIT_REPLICAS: '0' });
  const { writer, reader } = at.callers;
  const connection = { userId: 'unlucky', platform: 'gmail' };
  const store = (accessToken: string) => writer.storeToken({ ...connection, accessToken, scopes: [] });
  const tokenNow = async () => (await reader.getToken(connection)).accessToken;

  await store('replicated');
  await redis.failOver();
  await redis.rejoin();
  expect(await tokenNow()).toBe('replicated');

  redis.holdBack();
  const lost = await store('not replicated');
  await redis.failOver();
  await redis.rejoin();
  expect(await tokenNow()).toBe('replicated');

  const mended = await store('connected again');
  expect(mended.revision).toBeGreaterThan(lost.revision);
  expect(await tokenNow()).toBe('connected again');
});
