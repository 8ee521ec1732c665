import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openAdministration } from '../attacks/open-administration.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { withAdmin } from './with-admin.ts';
import { workerGroup } from './worker-group.ts';

let at: FaultVault;
beforeAll(async () => {
  at = await openFaultVault({ timeoutMs: 30_000 });
});
afterAll(() => at.close());
beforeEach(async () => {
  await Promise.all(at.workers().map((worker) => worker.stop()));
  await at.startWorker();
});

/** Has every command of the topic delivered once more, after `meanwhile`. */
const deliverAgain = async (meanwhile: () => Promise<unknown>): Promise<void> => {
  await at.worker().stop();
  await meanwhile();
  await withAdmin(at.vault.bus, (admin) => admin.deleteGroups([workerGroup(at.vault)]));
  await at.startWorker();
};

it('recalls what it has done when commands come again after their deadlines', async () => {
  const timeoutMs = 2_000;
  const { checked } = await at.prove({
    name: 'deadline',
    users: 20,
    stepsPerUser: 10,
    timeoutMs,
    during: async (traffic) => {
      await traffic.done;
      await deliverAgain(() => sleep(timeoutMs));
    },
  });
  expect(checked.answeredAgain).toBeGreaterThanOrEqual(200);
  expect(checked.recalled).toBeGreaterThan(50);
});

it('executes nothing of commands that come again after their key was revoked', async () => {
  const { checked } = await at.prove({
    name: 'revoked',
    users: 20,
    stepsPerUser: 10,
    during: async (traffic) => {
      await traffic.done;
      await deliverAgain(revokeWriter);
    },
  });
  expect(checked.answeredAgain).toBeGreaterThan(0);
  expect(checked.recalled).toBe(0);
});

const revokeWriter = async (): Promise<void> => {
  const administration = await openAdministration(at.vault);
  const kid = at.vault.engines['action']?.kafka.kid ?? '';
  expect(await administration.revokeKey('action', kid)).toEqual({ ok: true, value: true });
  await administration.close();
};
