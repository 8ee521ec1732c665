import type { RunningService } from '@vault-engine/local';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { checkInvariant, workerGroup } from './check-invariant.ts';
import { type ProxiedKafka, startProxiedKafka } from './kafka-proxy.ts';
import { seededRandom } from './seeded-random.ts';
import { type Callers, startTraffic } from './traffic.ts';
import { watchCommits } from './watch-commits.ts';

let kafka: ProxiedKafka;
let vault: TestVault;
let callers: Callers;
let worker: RunningService | undefined;

beforeAll(async () => {
  kafka = await startProxiedKafka();
  vault = await openVault({ parts: { brokers: [kafka.address] }, services: ['command-worker'] });
  worker = vault.running.services.get('command-worker');
  callers = { writer: await vault.client('action', 30_000), reader: await vault.client('sync', 30_000) };
});
afterEach(() => kafka.behave());
afterAll(async () => {
  await vault.close();
  await kafka.stop();
});

const startWorker = async (name: string): Promise<void> => {
  worker = (await vault.start(name, 'command-worker')).services.get(name);
};

it('loses nothing and repeats nothing when answers to concurrent sends are lost', async () => {
  const random = seededRandom('answers to sends lost');
  const lost = new Map<string, number>();
  kafka.onAnswer(({ api, clientId }) => {
    if (api !== 'Produce' || random.int(10) > 0) return 'pass';
    lost.set(clientId, 1 + (lost.get(clientId) ?? 0));
    return 'cut';
  });
  const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
  const account = await startTraffic(callers, { random, name: 'sends', users: 20, stepsPerUser: 15 }).done;
  kafka.behave();
  const { answeredAgain } = await checkInvariant(vault, { account, callers, samples: await commits.stop() });
  expect([...lost.keys()].sort()).toEqual(['command-worker', 'vault-client-action', 'vault-client-sync']);
  expect(answeredAgain).toBeGreaterThan(0);
});

it('answers again when the worker is killed between the audit record and the reply', async () => {
  const random = seededRandom('killed before the reply');
  const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
  const killed = Promise.withResolvers<void>();
  let left = 10 + random.int(20);
  kafka.onRequest(({ api, clientId, names }) => {
    if (clientId !== 'command-worker' || api !== 'Produce' || !names(vault.topics.replies('action'))) return 'pass';
    left -= 1;
    if (left > 0) return 'pass';
    killed.resolve(worker?.kill('SIGKILL'));
    return 'swallow';
  });
  const traffic = startTraffic(callers, { random, name: 'reply', users: 10, stepsPerUser: 12 });
  await killed.promise;
  kafka.behave();
  await startWorker('worker-after-no-reply');
  const account = await traffic.done;
  const { recalled } = await checkInvariant(vault, { account, callers, samples: await commits.stop() });
  expect(recalled).toBeGreaterThan(0);
});

it('takes effect once when the worker is killed between the replies and their commit', async () => {
  const random = seededRandom('killed before the commit');
  kafka.onRequest(({ api }) => (api === 'OffsetCommit' ? 'swallow' : 'pass'));
  const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
  const traffic = startTraffic(callers, { random, name: 'commit', users: 20, stepsPerUser: 15 });
  await traffic.answered(100 + random.int(100));
  await worker?.kill('SIGKILL');
  kafka.behave();
  await startWorker('worker-after-no-commit');
  const account = await traffic.done;
  const { answeredAgain } = await checkInvariant(vault, { account, callers, samples: await commits.stop() });
  expect(answeredAgain).toBeGreaterThan(100);
});
