import { openWorld } from '@vault-engine/world';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConsumerDead } from '../consume/consumer-health.ts';
import { openTestBus, type TestBus } from '../open-test-bus.ts';
import { createPublisher, type Publisher } from '../produce/publisher.ts';
import type { BusRecord } from '../record.ts';
import { applyTopics } from '../topics.ts';
import { openInbox } from './inbox.ts';
import { readTopic } from './read-topic.ts';
import { followTable, type Table } from './table.ts';
import { offsetsAt, watermarks } from './watermarks.ts';

let test: TestBus;
let publisher: Publisher;
beforeAll(async () => {
  test = openTestBus(await openWorld());
  publisher = createPublisher(test.bus);
});
afterAll(async () => {
  await publisher.close();
  await test.close();
});

const text = (value: string): Buffer => Buffer.from(value);
const onFatal = (error: Error): void => {
  throw error;
};

describe('an inbox', () => {
  it('receives records sent to its partition after it was opened, and no others', async () => {
    const topic = await test.topic(3);
    const send = (partition: number, value: string) =>
      publisher.send({ topic, key: null, value: text(value), partition });
    await send(1, 'before');
    const received: string[] = [];
    const onRecord = ({ value }: BusRecord) => received.push(String(value));
    const inbox = await openInbox(test.bus, { topic, partition: 1, onRecord, onFatal });
    onTestFinished(() => inbox.close());
    await Promise.all([send(0, 'elsewhere'), send(1, 'first'), send(2, 'elsewhere')]);
    await send(1, 'second');
    await vi.waitFor(() => expect(received).toEqual(['first', 'second']));
  });

  it('skips a batch that it cannot decode, and receives the next record', async () => {
    const topic = await test.topic(1, { 'compression.type': 'producer' });
    const received: string[] = [];
    const onRecord = ({ value }: BusRecord) => received.push(String(value));
    const inbox = await openInbox(test.bus, { topic, partition: 0, onRecord, onFatal });
    onTestFinished(() => inbox.close());
    await test.sendCompressed('Snappy', topic, 'not read');
    await test.sendCompressed('ZSTD', topic, 'zstd');
    await vi.waitFor(() => expect(received).toEqual(['zstd']));
  });

  it('chooses a random partition by default, and refuses one that does not exist', async () => {
    const topic = await test.topic(2);
    const inbox = await openInbox(test.bus, { topic, onRecord: () => undefined, onFatal });
    expect([0, 1]).toContain(inbox.partition);
    await inbox.close();
    await expect(
      openInbox(test.bus, { topic, partition: 2, onRecord: () => undefined, onFatal }),
    ).rejects.toBeInstanceOf(RangeError);
  });
});

describe('a table', () => {
  async function open(topic: string): Promise<{ rows: Map<string, string>; table: Table }> {
    const rows = new Map<string, string>();
    const table = await followTable(test.bus, {
      topic,
      onChange: (key, value) => {
        if (value === null) rows.delete(String(key));
        else rows.set(String(key), String(value));
      },
      onFatal,
    });
    onTestFinished(() => table.close());
    return { rows, table };
  }
  const put = (topic: string, key: string, value: string | null) =>
    publisher.send({ topic, key: text(key), value: value === null ? null : text(value) });

  it('is ready when it has read all of the topic, tombstones applied, and then follows it', async () => {
    const topic = await test.topic(3, { 'cleanup.policy': 'compact' });
    await Promise.all(Array.from({ length: 200 }, (_, index) => put(topic, `k${index}`, 'old')));
    await Promise.all(Array.from({ length: 100 }, (_, index) => put(topic, `k${index}`, index < 50 ? 'new' : null)));
    const { rows, table } = await open(topic);
    await table.ready;
    expect(rows.size).toBe(150);
    expect([rows.get('k0'), rows.get('k60'), rows.get('k150')]).toEqual(['new', undefined, 'old']);
    await put(topic, 'k60', 'back');
    await vi.waitFor(() => expect(rows.get('k60')).toBe('back'));
  });

  it('is ready when the topic or some partitions are empty', async () => {
    const topic = await test.topic(8, { 'cleanup.policy': 'compact' });
    const empty = await open(topic);
    await empty.table.ready;
    await put(topic, 'only', 'one');
    const sparse = await open(topic);
    await sparse.table.ready;
    expect([...sparse.rows]).toEqual([['only', 'one']]);
  });

  it('ends for good at a batch that it cannot decode, and says so once', async () => {
    const topic = await test.topic(1, { 'compression.type': 'producer' });
    await test.sendCompressed('Snappy', topic, 'not read');
    const ended = vi.fn();
    const table = await followTable(test.bus, { topic, onChange: () => undefined, onFatal: ended });
    onTestFinished(() => table.close());
    await expect(table.ready).rejects.toBeInstanceOf(ConsumerDead);
    expect(ended).toHaveBeenCalledOnce();
  });

  it('follows partitions that are added later', async () => {
    const topic = await test.topic(1, { 'cleanup.policy': 'compact' });
    const { rows } = await open(topic);
    await applyTopics(test.bus, [{ name: topic, partitions: 2, config: {} }], { replicationFactor: 1 });
    await publisher.send({ topic, key: text('a'), value: text('b'), partition: 0 });
    await vi.waitFor(() => expect(rows.get('a')).toBe('b'));
  });
});

describe('reading a topic', () => {
  const collect = async (records: AsyncIterable<BusRecord>): Promise<BusRecord[]> => {
    const all: BusRecord[] = [];
    for await (const record of records) all.push(record);
    return all;
  };
  const fill = (topic: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        publisher.send({ topic, key: null, value: text(String(index)), partition: index % 2 }),
      ),
    );

  it('ends at the topic’s end at the start', async () => {
    const topic = await test.topic(2);
    await fill(topic, 10_000);
    const values: number[] = [];
    for await (const { value } of readTopic(test.bus, topic)) {
      if (values.length === 0) await fill(topic, 4);
      values.push(Number(value));
    }
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
  });

  it('reads the given range of offsets', async () => {
    const topic = await test.topic(2);
    await fill(topic, 20);
    const range = { from: new Map([[0, 3n]]), to: new Map([[0, 6n]]), partitions: [0] };
    expect((await collect(readTopic(test.bus, topic, range))).map(({ offset }) => offset)).toEqual([3n, 4n, 5n]);
    expect(await collect(readTopic(test.bus, topic, { ...range, from: new Map([[0, 6n]]) }))).toEqual([]);
  });

  it('can start at a timestamp', async () => {
    const topic = await test.topic(2, { 'message.timestamp.type': 'LogAppendTime' });
    await fill(topic, 4);
    const [first] = await collect(readTopic(test.bus, topic, { partitions: [1] }));
    const from = await offsetsAt(test.bus, topic, (first?.timestamp ?? 0) + 60_000);
    expect(from).toEqual(new Map((await watermarks(test.bus, topic)).map(({ partition, high }) => [partition, high])));
    expect(await collect(readTopic(test.bus, topic, { from }))).toEqual([]);
  });

  it('reads more records than it buffers, also in its first fetch', async () => {
    const topic = await test.topic(1);
    const count = 12_000;
    await Promise.all(
      Array.from({ length: count }, () => publisher.send({ topic, key: null, value: text('x'), partition: 0 })),
    );
    expect(await collect(readTopic(test.bus, topic))).toHaveLength(count);
  });

  it('can be left early', async () => {
    const topic = await test.topic(2);
    await fill(topic, 100);
    for await (const record of readTopic(test.bus, topic)) {
      expect(record.topic).toBe(topic);
      break;
    }
  });

  it('ends at once for an empty topic', async () => {
    expect(await collect(readTopic(test.bus, await test.topic(2)))).toEqual([]);
  });
});

describe('a record’s time', () => {
  it('is the broker’s append time for every record of a batch, with LogAppendTime', async () => {
    const topic = await test.topic(1, { 'message.timestamp.type': 'LogAppendTime' });
    const before = Date.now();
    const producer = test.bus.client().producer({ allowAutoTopicCreation: false });
    await producer.connect();
    const times = ['1000', '2000', String(before + 86_400_000)];
    await producer.send({ topic, messages: times.map((timestamp) => ({ value: 'x', timestamp })) });
    await producer.disconnect();
    for await (const { timestamp } of readTopic(test.bus, topic)) {
      expect(timestamp).toBeGreaterThanOrEqual(before);
      expect(timestamp).toBeLessThanOrEqual(Date.now());
    }
  });
});
