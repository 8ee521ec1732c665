import { afterAll, beforeAll, expect, it } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { checkInvariant, workerGroup } from './check-invariant.ts';
import { type RedisProxy, startRedisProxy } from './redis-proxy.ts';
import { seededRandom } from './seeded-random.ts';
import { type Callers, startTraffic } from './traffic.ts';
import { watchCommits } from './watch-commits.ts';

let redis: RedisProxy;
let vault: TestVault;
let callers: Callers;

beforeAll(async () => {
  redis = await startRedisProxy(process.env['VAULT_REDIS_URL'] ?? '');
  vault = await openVault({ parts: { redisUrl: redis.url }, services: ['command-worker'] });
  callers = { writer: await vault.client('action', 30_000), reader: await vault.client('sync', 30_000) };
});
afterAll(async () => {
  await vault.close();
  await redis.close();
});

it('takes effect once where the script ran and its answer was lost', async () => {
  const random = seededRandom('answers lost');
  let lost = 0;
  redis.onApplied(() => {
    if (random.int(8) > 0) return 'told';
    lost += 1;
    return 'cut';
  });
  const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
  const account = await startTraffic(callers, { random, name: 'lost', users: 10, stepsPerUser: 30 }).done;
  redis.speak();
  await checkInvariant(vault, { account, callers, samples: await commits.stop() });
  expect(lost).toBeGreaterThan(5);
});

it('loses no effect when the worker is killed between the script and the audit record', async () => {
  const random = seededRandom('killed after the script');
  const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
  const killed = Promise.withResolvers<void>();
  let left = 20 + random.int(20);
  redis.onApplied(() => {
    left -= 1;
    if (left > 0) return 'told';
    killed.resolve(vault.running.services.get('command-worker')?.kill('SIGKILL'));
    return 'silence';
  });
  const traffic = startTraffic(callers, { random, name: 'script', users: 10, stepsPerUser: 12 });
  await killed.promise;
  redis.speak();
  await vault.start('command-worker-again', 'command-worker');
  const account = await traffic.done;
  const { recalled } = await checkInvariant(vault, { account, callers, samples: await commits.stop() });
  expect(recalled).toBeGreaterThan(0);
});
