import { committedOffsets } from '@vault-engine/bus';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultConfig } from './config.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import type { Traffic } from './traffic.ts';
import { workerGroup } from './worker-group.ts';

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
      await killAmidWork(traffic);
      await at.startWorker();
    },
  });
  expect(account.seen).toHaveLength(1_000);
  expect(checked.answeredAgain + checked.recalled).toBeGreaterThan(0);
});

/**
 * Kills the worker when it has answered what it has not committed. It stands still while that is looked for: this process is
 * also who asks, and where it is kept from running a worker is soon through with all there is, and commits it.
 */
const killAmidWork = async (traffic: Traffic): Promise<void> => {
  const { pid, kill } = at.worker();
  process.kill(pid, 'SIGSTOP');
  if ((await committed()) < traffic.count()) return kill('SIGKILL');
  process.kill(pid, 'SIGCONT');
  await traffic.answered(traffic.count() + 1);
  return killAmidWork(traffic);
};

/** How many commands the group is through with. */
const committed = async (): Promise<number> => {
  const offsets = await committedOffsets(at.vault.bus, workerGroup(at.vault), at.vault.topics.commands);
  return [...offsets.values()].reduce((sum, offset) => sum + Number(offset), 0);
};

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
