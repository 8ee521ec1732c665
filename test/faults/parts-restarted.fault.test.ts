import { type PartName, type RunningPart, startPart } from '@vault-engine/local';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { checkInvariant, workerGroup } from './check-invariant.ts';
import { seededRandom } from './seeded-random.ts';
import { type Callers, startTraffic } from './traffic.ts';
import { watchCommits } from './watch-commits.ts';

let parts: Record<'kafka' | 'registry' | 'redis', RunningPart>;
let vault: TestVault;
let callers: Callers;

beforeAll(async () => {
  const [kafka, registry, redis] = await Promise.all([startPart('kafka'), startPart('registry'), startPart('redis')]);
  parts = { kafka, registry, redis };
  vault = await openVault({
    parts: { brokers: [kafka.address], registryUrl: registry.address, redisUrl: redis.address },
    services: ['command-worker'],
  });
  callers = { writer: await vault.client('action', 3_000), reader: await vault.client('sync', 3_000) };
});
afterAll(async () => {
  await vault.close();
  await Promise.all(Object.values(parts).map((part) => part.stop()));
});

it.each<{ name: PartName & keyof typeof parts }>([{ name: 'redis' }, { name: 'registry' }, { name: 'kafka' }])(
  'loses no acknowledged token when $name is killed and started again under traffic',
  async ({ name }) => {
    const random = seededRandom(`${name} restarted`);
    const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
    const traffic = startTraffic(callers, {
      random,
      name,
      users: 20,
      stepsPerUser: Number.POSITIVE_INFINITY,
      paceMs: 20,
    });
    await traffic.answered(100 + random.int(100));
    await parts[name].kill('SIGKILL');
    await parts[name].start();
    const before = traffic.count();
    await traffic.answered(before + 100);
    const account = await traffic.stop();
    const { errors } = await checkInvariant(vault, { account, callers, samples: await commits.stop() });
    console.log(`${name}: ${account.seen.length} answers, ${errors} retryable errors before them`);
    expect(account.seen.length).toBeGreaterThanOrEqual(before + 100);
  },
);
