import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { type RedisProxy, startRedisProxy } from './redis-proxy.ts';

let redis: RedisProxy;
let at: FaultVault;

beforeAll(async () => {
  redis = await startRedisProxy(process.env['VAULT_REDIS_URL'] ?? '');
  at = await openFaultVault({ parts: { redisUrl: redis.url }, timeoutMs: 30_000 });
});
afterAll(async () => {
  await at.close();
  await redis.close();
});

it('takes effect once where the script ran and its answer was lost', async () => {
  let [answers, lost] = [0, 0];
  await at.prove({
    name: 'lost',
    users: 10,
    stepsPerUser: 30,
    during: async (traffic, random) => {
      const first = random.int(5);
      redis.onApplied(() => {
        answers += 1;
        if (answers % 5 !== first) return 'told';
        lost += 1;
        return 'cut';
      });
      await traffic.done;
      redis.speak();
    },
  });
  // One packet may carry several answers, so how many there are is not known.
  expect(lost).toBeGreaterThan(3);
});

it('loses no effect when the worker is killed between the script and the audit record', async () => {
  const { checked } = await at.prove({
    name: 'script',
    users: 10,
    stepsPerUser: 30,
    during: async (_traffic, random) => {
      const killed = Promise.withResolvers<void>();
      let left = 20 + random.int(20);
      redis.onApplied(() => {
        left -= 1;
        if (left > 0) return 'told';
        killed.resolve(at.worker().kill('SIGKILL'));
        return 'silence';
      });
      await killed.promise;
      redis.speak();
      await at.startWorker();
    },
  });
  expect(checked.recalled).toBeGreaterThan(0);
});
