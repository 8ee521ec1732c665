import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type ProxiedKafka, startProxiedKafka } from './kafka-proxy.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';

let kafka: ProxiedKafka;
let at: FaultVault;

beforeAll(async () => {
  kafka = await startProxiedKafka({ 'group.min.session.timeout.ms': '1000' });
  const env = { VAULT_WORKER_SESSION_MS: '2000' };
  at = await openFaultVault({ parts: { brokers: [kafka.address] }, timeoutMs: 30_000, env });
});
afterEach(() => kafka.behave());
afterAll(async () => {
  await at.close();
  await kafka.stop();
});

it('loses nothing and repeats nothing when answers to concurrent sends are lost', async () => {
  const lost = new Map<string, number>();
  const { checked } = await at.prove({
    name: 'sends',
    users: 20,
    stepsPerUser: 15,
    during: async (traffic, random) => {
      kafka.onAnswer(({ api, clientId }) => {
        if (api !== 'Produce' || random.int(10) > 0) return 'pass';
        lost.set(clientId, 1 + (lost.get(clientId) ?? 0));
        return 'cut';
      });
      await traffic.done;
      kafka.behave();
    },
  });
  expect([...lost.keys()].sort()).toEqual([
    'command-worker',
    'status-projector',
    'vault-client-action',
    'vault-client-sync',
  ]);
  expect(checked.answeredAgain).toBeGreaterThan(0);
});

it.each(['event', 'reply'] as const)(
  'answers again when the worker is killed before it has written the %s',
  async (name) => {
    const { connectionEvents, replies } = at.vault.topics;
    const topic = name === 'event' ? connectionEvents : replies('action');
    const { checked } = await at.prove({
      name,
      users: 10,
      stepsPerUser: 12,
      during: async (_traffic, random) => {
        const killed = Promise.withResolvers<void>();
        let left = 10 + random.int(20);
        kafka.onRequest(({ api, clientId, names }) => {
          if (clientId !== 'command-worker' || api !== 'Produce' || !names(topic)) return 'pass';
          left -= 1;
          if (left > 0) return 'pass';
          killed.resolve(at.worker().kill('SIGKILL'));
          return 'swallow';
        });
        await killed.promise;
        kafka.behave();
        await at.startWorker();
      },
    });
    expect(checked.recalled).toBeGreaterThan(0);
  },
);

it('takes effect once when the worker is killed between the replies and their commit', async () => {
  const { checked } = await at.prove({
    name: 'commit',
    users: 20,
    stepsPerUser: 15,
    during: async (traffic, random) => {
      kafka.onRequest(({ api }) => (api === 'OffsetCommit' ? 'swallow' : 'pass'));
      await traffic.answered(100 + random.int(100));
      await at.worker().kill('SIGKILL');
      kafka.behave();
      await at.startWorker();
    },
  });
  expect(checked.answeredAgain).toBeGreaterThan(50);
});
