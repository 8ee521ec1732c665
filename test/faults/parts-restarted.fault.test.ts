import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningPart, startPart } from '@vault-engine/local';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultConfig } from './config.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';

let parts: Record<'kafka' | 'registry' | 'redis', RunningPart>;
let at: FaultVault;

beforeAll(async () => {
  const [kafka, registry, redis] = await Promise.all([startPart('kafka'), startPart('registry'), startPart('redis')]);
  parts = { kafka, registry, redis };
  at = await openFaultVault({
    parts: { brokers: [kafka.address], registryUrl: registry.address, redisUrl: redis.address },
    timeoutMs: 3_000,
  });
});
afterAll(async () => {
  await at.close();
  await Promise.all(Object.values(parts).map((part) => part.stop()));
});

/** For how long a part is away at the most. A broker that is away for seconds is missed by consumers that join again. */
const AWAY_MS = faultConfig.full ? 120_000 : 4_000;

it.each(['redis', 'registry', 'kafka'] as const)(
  'loses no acknowledged token when %s is killed and started again under traffic',
  async (name) => {
    let before = 0;
    const { account, checked } = await at.prove({
      name,
      users: 20,
      stepsPerUser: Number.POSITIVE_INFINITY,
      paceMs: 20,
      giveUpMs: AWAY_MS + 60_000,
      during: async (traffic, random) => {
        await traffic.answered(100 + random.int(100));
        await parts[name].kill('SIGKILL');
        await sleep(faultConfig.full ? AWAY_MS : random.int(AWAY_MS));
        await parts[name].start();
        before = traffic.count();
        await traffic.answered(before + 100);
      },
    });
    console.log(`${name}: ${account.seen.length} answers, ${checked.errors} retryable errors before them`);
    expect(account.seen.length).toBeGreaterThanOrEqual(before + 100);
  },
  AWAY_MS + 120_000,
);
