import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultConfig } from './config.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';

let at: FaultVault;
beforeAll(async () => {
  at = await openFaultVault({ timeoutMs: 60_000 });
});
afterAll(() => at.close());

it('answers every one of 1,000 commands, once in effect, when the worker is killed in the middle of them', async () => {
  const { account, checked } = await at.prove({
    name: 'killed',
    users: 100,
    stepsPerUser: 10,
    during: async (traffic, random) => {
      await traffic.answered(300 + random.int(300));
      await at.worker().kill('SIGKILL');
      await at.startWorker();
    },
  });
  expect(account.seen).toHaveLength(1_000);
  expect(checked.answeredAgain + checked.recalled).toBeGreaterThan(0);
});

it('hands its work over to others as workers join, leave in order and are killed under load', async () => {
  const rounds = faultConfig.full ? 10 : 2;
  await at.prove({
    name: 'relay',
    users: 30,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    during: async (traffic, random) => {
      for (let round = 0; round < rounds; round += 1) {
        const leaving = at.worker();
        await at.startWorker();
        await traffic.answered(traffic.count() + 50 + random.int(100));
        await (random.int(2) === 0 ? leaving.stop() : leaving.kill('SIGKILL'));
        await traffic.answered(traffic.count() + 100);
      }
    },
  });
}, 300_000);
