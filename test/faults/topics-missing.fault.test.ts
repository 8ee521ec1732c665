import { applyTopics, createPublisher, deleteTopics, readTopic } from '@vault-engine/bus';
import { getStatus } from '@vault-engine/client';
import { topicSpecs } from '@vault-engine/contracts';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeCommand } from '../attacks/write-command.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';

let at: FaultVault;
beforeAll(async () => {
  at = await openFaultVault({ timeoutMs: 30_000 });
});
afterAll(() => at.close());

const makeTopics = async (): Promise<void> => {
  const { place, engines, bus } = at.vault;
  const options = { prefix: place.topicPrefix, engines: Object.keys(engines), environment: 'development' } as const;
  await applyTopics(bus, topicSpecs(options), { replicationFactor: 1 });
};

it('keeps poison until the dead-letter topic accepts it, and serves the others meanwhile', async () => {
  const { bus, topics } = at.vault;
  // Signed commands whose schema id is right and whose bytes are not.
  const poison = Array.from({ length: 40 }, (_, number) => {
    const operation = getStatus({ userId: `poisoned-${number}` });
    const { value } = writeCommand(at.vault, { engine: 'local', operation }).message;
    return writeCommand(at.vault, { engine: 'local', operation, value: value.subarray(0, -1) });
  });
  await at.prove({
    name: 'poison',
    users: 20,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    during: async (traffic) => {
      await deleteTopics(bus, [topics.commandsDlt]);
      const publisher = createPublisher(bus);
      await Promise.all(poison.map(({ message }) => publisher.send(message)));
      await publisher.close();
      await traffic.answered(traffic.count() + 300);
      await makeTopics();
    },
  });
  const buried: string[] = [];
  for await (const { value } of readTopic(bus, topics.commandsDlt)) buried.push(value?.toString('hex') ?? '');
  expect(new Set(buried)).toEqual(new Set(poison.map(({ message }) => message.value.toString('hex'))));
});

it('serves the other engines while the reply topic of one is gone, and that one again when it is back', async () => {
  const { bus, topics } = at.vault;
  const local = await at.vault.client('local');
  await local.getStatus({ userId: 'alone' });
  await at.prove({
    name: 'deaf',
    users: 20,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    // The replies to the poison of the test before went with the topic.
    mayStayUnanswered: ({ user }) => user === 'alone' || user.startsWith('poisoned-'),
    during: async (traffic) => {
      await deleteTopics(bus, [topics.replies('local')]);
      const unheard = local.getStatus({ userId: 'alone' }, { timeoutMs: 2_000 });
      await expect(unheard).rejects.toMatchObject({ code: 'deadline_exceeded' });
      await traffic.answered(traffic.count() + 100);
      await makeTopics();
      await vi.waitFor(() => local.getStatus({ userId: 'alone' }, { timeoutMs: 1_000 }), { timeout: 30_000 });
    },
  });
});
