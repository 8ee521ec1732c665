import { afterAll, beforeAll, expect, it } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { checkInvariant, workerGroup } from './check-invariant.ts';
import { seededRandom } from './seeded-random.ts';
import { type Callers, startTraffic } from './traffic.ts';
import { watchCommits } from './watch-commits.ts';

let vault: TestVault;
let callers: Callers;

beforeAll(async () => {
  vault = await openVault({ services: ['command-worker'] });
  callers = { writer: await vault.client('action', 60_000), reader: await vault.client('sync', 60_000) };
});
afterAll(() => vault.close());

it('answers every one of 1,000 commands, once in effect, when the worker is killed in the middle of them', async () => {
  const random = seededRandom('worker killed');
  const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
  const traffic = startTraffic(callers, { random, name: 'kill', users: 100, stepsPerUser: 10 });
  await traffic.answered(300 + random.int(300));
  await vault.running.services.get('command-worker')?.kill('SIGKILL');
  await vault.start('command-worker-again', 'command-worker');
  const account = await traffic.done;
  expect(account.seen).toHaveLength(1_000);
  const { answeredAgain, recalled } = await checkInvariant(vault, { account, callers, samples: await commits.stop() });
  expect(answeredAgain + recalled).toBeGreaterThan(0);
});
