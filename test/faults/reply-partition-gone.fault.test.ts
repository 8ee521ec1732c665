import { applyTopics, createPublisher, deleteTopics, type Publisher, partitionCount } from '@vault-engine/bus';
import { storeToken } from '@vault-engine/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Command, writeCommand } from '../attacks/write-command.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { type Evidence, readEvidence } from './read-evidence.ts';

let at: FaultVault;
let publisher: Publisher;
beforeAll(async () => {
  at = await openFaultVault({ timeoutMs: 30_000 });
  publisher = createPublisher(at.vault.bus);
});
afterAll(async () => {
  await publisher.close();
  await at.close();
});

it('executes nothing for a caller whose reply partition does not exist, says so in the audit log, and serves the others', async () => {
  await at.prove({
    name: 'nowhere',
    users: 20,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    mayStayUnanswered,
    during: async (traffic) => {
      const commands = [8, 99, 0xff_ffff].map((partition) => storeFrom('local', 'out-of-range', partition));
      const ends = await Promise.all(commands.map(ended));
      for (const end of ends) {
        expect(end.audits).toMatchObject([{ result: 'invalid_request', reason: 'no_reply_partition' }]);
        expect(end.replies).toEqual([]);
      }
      await traffic.answered(traffic.count() + 100);
    },
  });
  const { events } = await readEvidence(at.vault);
  expect(events.filter(({ user_id }) => user_id === 'out-of-range')).toEqual([]);
});

it('serves on when a reply topic comes back with fewer partitions than the worker has counted', async () => {
  const { bus, topics } = at.vault;
  const topic = topics.replies('local');
  await at.prove({
    name: 'fewer',
    users: 20,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    mayStayUnanswered,
    during: async (traffic) => {
      const whole = await ended(storeFrom('local', 'whole', 3));
      expect(whole.replies).toMatchObject([{ type: 'TokenStored' }]);
      await deleteTopics(bus, [topic]);
      await applyTopics(bus, [{ name: topic, partitions: 1, config: {} }], { replicationFactor: 1 });
      await vi.waitFor(async () => expect(await partitionCount(bus, topic)).toBe(1), WITHIN);

      const first = await ended(storeFrom('local', 'cut-off', 3));
      expect(first.audits).toHaveLength(1);
      expect(first.replies).toEqual([]);
      const next = await ended(storeFrom('local', 'cut-off', 3));
      expect(next.audits).toMatchObject([{ result: 'invalid_request', reason: 'no_reply_partition' }]);
      const there = await ended(storeFrom('local', 'there', 0));
      expect(there.replies).toMatchObject([{ type: 'TokenStored' }]);
      await traffic.answered(traffic.count() + 100);
    },
  });
  const { events } = await readEvidence(at.vault);
  expect(events.filter(({ user_id }) => user_id === 'cut-off')).toHaveLength(1);
});

/** Whose replies have no place, or went with the topic. */
const mayStayUnanswered = ({ user }: { readonly user: string }): boolean =>
  ['out-of-range', 'cut-off', 'whole'].includes(user);

const WITHIN = { timeout: 20_000, interval: 100 };

const storeFrom = (engine: string, userId: string, replyPartition: number): Command => {
  const operation = storeToken({ userId, platform: 'gmail', accessToken: 'abcd', scopes: [] });
  return writeCommand(at.vault, { engine, operation, replyPartition });
};

/** Sends a command, and reads what it came to as soon as the next one of its user is through. */
const ended = async ({ message, requestId }: Command) => {
  await publisher.send(message);
  await at.callers.reader.getStatus({ userId: message.key.toString() });
  const { audits, replies }: Evidence = await readEvidence(at.vault);
  return {
    audits: audits.filter(({ request_id }) => request_id === requestId),
    replies: replies.get(requestId) ?? [],
  };
};
