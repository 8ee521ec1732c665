import { readFile } from 'node:fs/promises';
import { applyTopics, type BusRecord, createPublisher, partitionOf, readTopic, watermarks } from '@vault-engine/bus';
import { connectVault, VaultClosed, VaultTimeout } from '@vault-engine/client';
import { topicSpecs } from '@vault-engine/contracts';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { faultConfig } from './config.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { readEvidence } from './read-evidence.ts';
import { withAdmin } from './with-admin.ts';
import { workerGroup } from './worker-group.ts';

let at: FaultVault;
beforeAll(async () => {
  at = await openFaultVault({ timeoutMs: 30_000 });
});
afterAll(() => at.close());
/** Each test begins without a worker: commands wait. */
beforeEach(() => Promise.all(at.workers().map((worker) => worker.stop())));

const GMAIL = { platform: 'gmail', scopes: [], accessToken: 'abcd' };

it('takes effect once where two workers have the same command at the same time', async () => {
  const users = 40;
  const worker = await at.startWorker();
  // With its first command the worker notes how many partitions the topic has.
  await at.callers.writer.storeToken({ userId: 'before-growth', ...GMAIL });
  await worker.stop();
  const { checked } = await at.prove({
    name: 'twins',
    users,
    stepsPerUser: 1,
    during: async () => {
      await copyToGrownTopic(await commandsOf('twins', users));
      await Promise.all([at.startWorker(), at.startWorker()]);
    },
  });
  expect(checked.answeredAgain).toBe(users);
});

it('answers a caller that was restarted in mid-request with what its first request came to', async () => {
  const { brokers, registryUrl, topicPrefix } = at.vault.place;
  const credential = at.vault.engines['action']?.kafka.key ?? '';
  const first = await connectVault({ brokers, registryUrl, topicPrefix, engine: 'action', credential });
  const restart = { userId: 'restart-u', ...GMAIL };
  const asked = first.storeToken(restart, { idempotencyKey: 'restart' });
  const lost = expect(asked).rejects.toThrow(VaultClosed);
  await commandsOf('restart', 1);
  await first.close();
  await lost;
  await at.startWorker();
  const again = await at.callers.writer.storeToken(restart, { idempotencyKey: 'restart' });
  const { events } = await readEvidence(at.vault);
  expect(events.filter(({ user_id }) => user_id === 'restart-u').map(({ revision }) => revision)).toEqual([
    again.revision,
  ]);
});

it('executes nothing of a backlog whose deadlines have passed, and is soon through with it', async () => {
  const count = faultConfig.full ? 10_000 : 500;
  const late = Array.from({ length: count }, (_, number) =>
    at.callers.writer.storeToken({ userId: `late-${number}`, ...GMAIL }, { timeoutMs: 1_000 }),
  );
  const ends = await Promise.allSettled(late);
  expect(ends.filter((end) => end.status === 'rejected' && end.reason instanceof VaultTimeout)).toHaveLength(count);
  await at.startWorker();
  await at.callers.writer.storeToken({ userId: 'late-0', ...GMAIL, accessToken: 'in time' });

  const { commands, replies, audits, events } = await settled(`late-`, count + 1);
  const backlog = commands.filter(({ user }) => user.startsWith('late-')).slice(0, -1);
  const codes = commands
    .filter(({ user }) => user.startsWith('late-') && user !== 'late-0')
    .map(({ requestId }) =>
      replies
        .get(requestId)
        ?.map(({ code }) => code)
        .join(),
    );
  expect(new Set(codes)).toEqual(new Set(['deadline_exceeded']));
  expect(events.filter(({ user_id }) => user_id.startsWith('late-'))).toHaveLength(1);
  const results = audits.filter(({ user_id }) => user_id?.startsWith('late-')).map(({ result }) => result);
  expect(results.filter((result) => result === 'deadline_exceeded')).toHaveLength(backlog.length);
});

it('skips nothing and repeats no effect when the offsets of the group are deleted', async () => {
  await at.startWorker();
  const { checked } = await at.prove({
    name: 'forgotten',
    users: 20,
    stepsPerUser: 10,
    during: async (traffic) => {
      await traffic.done;
      await at.worker().stop();
      await withAdmin(at.vault.bus, (admin) => admin.deleteGroups([workerGroup(at.vault)]));
      await at.startWorker();
    },
  });
  expect(checked.answeredAgain).toBe(200);
});

it('raises the alarm where commands are gone before they were read, and serves those that come after', async () => {
  const gone = at.callers.writer.storeToken({ userId: 'gone', ...GMAIL }, { timeoutMs: 1_000 });
  await expect(gone).rejects.toThrow(VaultTimeout);
  const { commands } = at.vault.topics;
  await withAdmin(at.vault.bus, async (admin) => {
    // Asked for first, since kafkajs deletes from a topic only when it knows the leaders already.
    const ends = await admin.fetchTopicOffsets(commands);
    const partitions = ends.map(({ partition, high: offset }) => ({ partition, offset }));
    await admin.deleteTopicRecords({ topic: commands, partitions });
  });
  const worker = await at.startWorker();
  await at.callers.writer.storeToken({ userId: 'gone', ...GMAIL });
  await vi.waitFor(async () =>
    expect(await readFile(worker.logFile, 'utf8')).toContain('consumer offset out of range'),
  );
});

/** Waits until so many commands of users whose ids begin so stand in the topic. */
const commandsOf = (prefix: string, count: number): Promise<readonly BusRecord[]> =>
  vi.waitFor(
    async () => {
      const found: BusRecord[] = [];
      for await (const record of readTopic(at.vault.bus, at.vault.topics.commands))
        if (String(record.key).startsWith(prefix)) found.push(record);
      expect(found).toHaveLength(count);
      return found;
    },
    { timeout: 10_000, interval: 100 },
  );

/**
 * Doubles the partitions of the topic and copies each command to the new partition of its key. The worker accepts the former
 * partition for as long as commands are kept, so two workers can have the same command.
 */
const copyToGrownTopic = async (records: readonly BusRecord[]): Promise<void> => {
  const { bus, place, topics } = at.vault;
  const { length: before } = await watermarks(bus, topics.commands);
  const declared = topicSpecs({ engines: [], environment: 'development', prefix: place.topicPrefix });
  const grown = declared
    .filter(({ name }) => name === topics.commands)
    .map((topic) => ({ ...topic, partitions: 2 * before }));
  await applyTopics(bus, grown, { replicationFactor: 1 });
  const publisher = createPublisher(bus);
  await Promise.all(
    records.map(({ topic, key, value, headers }) =>
      publisher.send({ topic, key, value, headers, partition: partitionOf(key ?? Buffer.alloc(0), 2 * before) }),
    ),
  );
  await publisher.close();
};

/** The evidence as soon as so many commands of users whose ids begin so are answered. */
const settled = (prefix: string, count: number) =>
  vi.waitFor(
    async () => {
      const evidence = await readEvidence(at.vault);
      const ours = evidence.commands.filter(({ user }) => user.startsWith(prefix));
      expect(ours.filter(({ requestId }) => evidence.replies.has(requestId))).toHaveLength(count);
      return evidence;
    },
    { timeout: 20_000, interval: 300 },
  );
