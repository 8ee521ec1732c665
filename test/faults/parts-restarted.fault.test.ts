import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionStateView, openConnectionStateView } from '@vault-engine/client';
import { type RunningPart, startPart } from '@vault-engine/local';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { faultConfig } from './config.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';

let parts: Record<'kafka' | 'registry' | 'redis', RunningPart>;
let at: FaultVault;
/** One view through all of it, as an engine has it. */
let view: ConnectionStateView;

beforeAll(async () => {
  const [kafka, registry, redis] = await Promise.all([startPart('kafka'), startPart('registry'), startPart('redis')]);
  parts = { kafka, registry, redis };
  at = await openFaultVault({
    parts: { brokers: [kafka.address], registryUrl: registry.address, redisUrl: redis.address },
    timeoutMs: 3_000,
  });
  view = await openConnectionStateView({ ...at.vault.place });
  await view.ready;
});
afterAll(async () => {
  await view.close();
  await at.close();
  await Promise.all(Object.values(parts).map((part) => part.stop()));
});

/** The users of whom the view does not say what the vault says. */
const unlikeView = async (users: readonly string[]): Promise<readonly string[]> => {
  const said = await Promise.all(users.map((userId) => at.callers.reader.getStatus({ userId })));
  return said.flatMap(({ userId, revision, platforms }) => {
    const seen = view.get(userId);
    return seen.revision === revision && JSON.stringify(seen.platforms) === JSON.stringify(platforms) ? [] : [userId];
  });
};

/** For how long a part is away at the most. A broker that is away for seconds is missed by consumers that join again. */
const AWAY_MS = faultConfig.full ? 120_000 : 4_000;

it.each(['redis', 'registry', 'kafka'] as const)(
  'loses no acknowledged token, and goes on showing all of it to a view, when %s is killed and started again under traffic',
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
    await vi.waitFor(async () => expect(await unlikeView([...account.users.keys()])).toEqual([]), 15_000);
  },
  AWAY_MS + 120_000,
);
