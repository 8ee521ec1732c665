import {
  applyTopics,
  type Bus,
  connectBus,
  createPublisher,
  followTable,
  openInbox,
  type PublishFailed,
  RightMissing,
  startKeyedConsumer,
} from '@vault-engine/bus';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type RightText, type SecuredKafka, startSecuredKafka } from './secured-kafka.ts';

const USERS = ['no-group', 'no-topic', 'no-inbox', 'no-follower', 'no-table', 'no-write', 'loses'];

let kafka: SecuredKafka;
beforeAll(async () => {
  kafka = await startSecuredKafka(USERS);
});
afterAll(async () => {
  await kafka?.stop();
});

const busOf = (username: string): Bus =>
  connectBus({
    brokers: [kafka.secured],
    clientId: username,
    sasl: { mechanism: 'plain', username, password: kafka.passwordOf(username) },
  });

/** A bus with these rights on a topic of its own. */
const open = async (user: string, rights: (topic: string) => readonly RightText[]) => {
  const topic = `topic-of-${user}`;
  const admin = connectBus({ brokers: [kafka.address], clientId: 'admin' });
  await applyTopics(admin, [{ name: topic, partitions: 2, config: {} }], { replicationFactor: 1 });
  await kafka.allow(user, rights(topic));
  return { topic, bus: busOf(user), admin };
};

const consume = async (bus: Bus, topic: string, handled: string[] = []) => {
  const onFatal = vi.fn();
  const consumer = await startKeyedConsumer(bus, {
    groupId: `group-of-${topic}`,
    topics: [topic],
    handle: async ({ value }) => {
      handled.push(String(value));
      return { kind: 'ack' };
    },
    deadLetter: async () => undefined,
    onError: () => undefined,
    onOffsetReset: () => undefined,
    onFatal,
  });
  onTestFinished(async () => {
    await consumer.stop({ drainMs: 0 });
  });
  return { consumer, onFatal };
};

const ignore = { onRecord: () => undefined, onFatal: () => undefined };

describe('a right that is missing at the start is named: principal, operation and resource', () => {
  it('of a consumer: READ on its group', async () => {
    const { bus, topic } = await open('no-group', (name) => [`READ topic ${name}`]);
    await expect(consume(bus, topic)).rejects.toThrow(
      new RightMissing('User:no-group', { operation: 'READ', resource: 'group', name: `group-of-${topic}` }),
    );
  });

  it('of a consumer: READ on its topic, although DESCRIBE is allowed', async () => {
    const { bus, topic } = await open('no-topic', (name) => [`DESCRIBE topic ${name}`, `READ group group-of-${name}`]);
    await expect(consume(bus, topic)).rejects.toThrow(
      new RightMissing('User:no-topic', { operation: 'READ', resource: 'topic', name: topic }),
    );
  });

  it('of an inbox: READ on its topic, although DESCRIBE is allowed', async () => {
    const { bus, topic } = await open('no-inbox', (name) => [
      `DESCRIBE topic ${name}`,
      'READ group no-inbox.follower.*',
    ]);
    await expect(openInbox(bus, { topic, partition: 0, ...ignore })).rejects.toThrow(
      new RightMissing('User:no-inbox', { operation: 'READ', resource: 'topic', name: topic }),
    );
  });

  it('of a follower: READ on its one-off groups', async () => {
    const { bus, topic } = await open('no-follower', (name) => [`READ topic ${name}`]);
    await expect(openInbox(bus, { topic, partition: 0, ...ignore })).rejects.toThrow(
      new RightMissing('User:no-follower', { operation: 'READ', resource: 'group', name: 'no-follower.follower.*' }),
    );
  });

  it('of a table: DESCRIBE on its topic', async () => {
    const { bus, topic } = await open('no-table', () => ['READ group no-table.follower.*']);
    await expect(followTable(bus, { topic, onChange: () => undefined, onFatal: () => undefined })).rejects.toThrow(
      new RightMissing('User:no-table', { operation: 'DESCRIBE', resource: 'topic', name: topic }),
    );
  });

  it('of a publisher: WRITE on its topic; the bus is unready for a minute', async () => {
    const { bus, topic } = await open('no-write', (name) => [`DESCRIBE topic ${name}`]);
    const publisher = createPublisher(bus);
    onTestFinished(() => publisher.close());
    const missing = new RightMissing('User:no-write', { operation: 'WRITE', resource: 'topic', name: topic });
    const failure = await publisher.send({ topic, key: null, value: null }).catch((error: PublishFailed) => error);
    expect(failure).toMatchObject({ name: 'PublishFailed', reason: 'refused', cause: { message: missing.message } });
    await expect(bus.probe()).rejects.toThrow(missing);
    await kafka.allow('no-write', [`WRITE topic ${topic}`]);
    await expect
      .poll(() =>
        publisher.send({ topic, key: null, value: null }).then(
          () => 'sent',
          () => 'refused',
        ),
      )
      .toBe('sent');
    await expect(bus.probe()).resolves.toBeUndefined();
  });
});

describe('a right that is taken away under traffic', () => {
  it('stops a consumer and an inbox with the same sentence, and both continue when it is back', async () => {
    const readTopic: RightText = 'READ topic topic-of-loses';
    const readGroup: RightText = 'READ group group-of-topic-of-loses';
    const { bus, topic, admin } = await open('loses', () => [
      readTopic,
      readGroup,
      'DESCRIBE topic topic-of-loses',
      'READ group loses.follower.*',
    ]);
    const publisher = createPublisher(admin);
    onTestFinished(() => publisher.close());
    const [handled, received]: [string[], string[]] = [[], []];
    const { consumer, onFatal } = await consume(bus, topic, handled);
    const onRecord = ({ value }: { readonly value: Buffer | null }) => received.push(String(value));
    const inbox = await openInbox(bus, { topic, partition: 0, onRecord, onFatal });
    onTestFinished(() => inbox.close());
    const send = (value: string) => publisher.send({ topic, partition: 0, key: null, value: Buffer.from(value) });
    await send('before');
    await vi.waitFor(() => expect([handled, received]).toEqual([['before'], ['before']]));

    for (const right of [readTopic, readGroup]) {
      const name = right.split(' ')[2] ?? '';
      await kafka.takeAway('loses', [right]);
      await vi.waitFor(
        () => expect(consumer.probe()).rejects.toThrow(`User:loses lacks the right READ on ${right.slice(5)}`),
        { timeout: 20_000 },
      );
      await expect(bus.probe()).rejects.toThrow(name);
      await send(right);
      await kafka.allow('loses', [right]);
      await vi.waitFor(() => expect(handled).toContain(right), { timeout: 30_000 });
      await vi.waitFor(() => expect(received).toContain(right), { timeout: 30_000 });
      await expect.poll(() => bus.probe().then(() => 'well', String), { timeout: 20_000 }).toBe('well');
      await expect(consumer.probe()).resolves.toBeUndefined();
    }
    expect(onFatal).not.toHaveBeenCalled();
  });
});
