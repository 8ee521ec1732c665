import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultClient } from '@vault-engine/client';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { openAdministration } from '../attacks/open-administration.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { readEvidence } from './read-evidence.ts';
import { skewedClock } from './skewed-clock.ts';
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
const deliverAgain = async (
  meanwhile: () => Promise<unknown>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> => {
  await at.worker().stop();
  await meanwhile();
  await withAdmin(at.vault.bus, (admin) => admin.deleteGroups([workerGroup(at.vault)]));
  await at.startWorker(env);
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

it('recalls what it has done when commands come again 20 minutes later', async () => {
  const { checked } = await at.prove({
    name: 'minutes',
    users: 20,
    stepsPerUser: 10,
    during: async (traffic) => {
      await traffic.done;
      await deliverAgain(async () => undefined, skewedClock(20 * 60_000));
      await vi.waitFor(async () => expect(await answeredTwice('minutes')).toBe(200), WITHIN);
      // Now is no longer in 20 minutes: what is asked from here on is in time.
      await at.worker().stop();
      await at.startWorker();
    },
  });
  expect(checked.recalled).toBeGreaterThan(50);
});

const WITHIN = { timeout: 20_000, interval: 300 };

const answeredTwice = async (name: string): Promise<number> => {
  const { commands, replies } = await readEvidence(at.vault);
  return commands.filter(({ user, requestId }) => user.startsWith(`${name}-`) && replies.get(requestId)?.length === 2)
    .length;
};

it('leaves refused what comes again when it would no longer be refused', async () => {
  const administration = await openAdministration(at.vault);
  const grants = administration.table.get('local')?.open.grants ?? [];
  await administration.setPolicy('local', { grants, rate: { perSecond: 1, burst: 1 } });
  await administration.close();
  // Its table holds the new rate from the start.
  await at.worker().stop();
  await at.startWorker();
  const local = await at.vault.client('local', 60_000);
  const store = (client: VaultClient, accessToken: string) =>
    client.storeToken({ userId: 'hasty', platform: 'gmail', accessToken, scopes: [] });
  const ends = await Promise.allSettled(Array.from({ length: 10 }, (_, number) => store(local, `token-${number}`)));
  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  expect(refused.map(({ code }) => code)).toContain('rate_limited');
  await store(at.callers.writer, 'last');
  // A worker that was just started has all of the rate to give.
  await deliverAgain(async () => undefined);
  await vi.waitFor(async () => {
    const { commands, replies } = await readEvidence(at.vault);
    const again = commands.filter(({ user, requestId }) => user === 'hasty' && replies.get(requestId)?.length === 2);
    expect(again).toHaveLength(11);
  }, 10_000);
  const { accessToken } = await at.callers.reader.getToken({ userId: 'hasty', platform: 'gmail' });
  expect(accessToken).toBe('last');
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
