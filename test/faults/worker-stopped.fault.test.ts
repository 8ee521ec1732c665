import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';

let at: FaultVault;
beforeAll(async () => {
  at = await openFaultVault({ timeoutMs: 30_000 });
});
afterAll(() => at.close());

it('has nothing done twice by a worker that stood still for longer than its session and goes on', async () => {
  await at.prove({
    name: 'still',
    users: 30,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 10,
    during: async (traffic, random) => {
      const { pid } = at.worker();
      await at.startWorker();
      await traffic.answered(traffic.count() + 100 + random.int(100));
      process.kill(pid, 'SIGSTOP');
      try {
        await sleep(SESSION_MS + 2_000);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await traffic.answered(traffic.count() + 300);
    },
  });
});

const SESSION_MS = 6_000;

it('finishes and commits what it has begun when it is told to stop with full lanes', async () => {
  const { checked } = await at.prove({
    name: 'term',
    users: 200,
    stepsPerUser: 5,
    during: async (traffic, random) => {
      await traffic.answered(200 + random.int(200));
      await Promise.all(at.workers().map((worker) => worker.stop()));
      await at.startWorker();
    },
  });
  expect(checked.answeredAgain).toBe(0);
});
