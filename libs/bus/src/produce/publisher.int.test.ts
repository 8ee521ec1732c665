import { randomBytes } from 'node:crypto';
import { openWorld } from '@vault-engine/world';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectBus } from '../bus.ts';
import { openTestBus, type TestBus } from '../open-test-bus.ts';
import type { BusRecord } from '../record.ts';
import { readTopic } from '../tables/read-topic.ts';
import { applyTopics, deleteTopics } from '../topics.ts';
import { partitionOf } from './murmur2.ts';
import { PublishFailed } from './publish-failed.ts';
import { createPublisher } from './publisher.ts';

let test: TestBus;
beforeAll(async () => {
  test = openTestBus(await openWorld());
});
afterAll(() => test.close());

const text = (value: string): Buffer => Buffer.from(value);
const reasonOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'published',
    (error) => (error instanceof PublishFailed ? error.reason : error),
  );

async function readAll(topic: string): Promise<BusRecord[]> {
  const records: BusRecord[] = [];
  for await (const record of readTopic(test.bus, topic)) records.push(record);
  return records;
}

describe('a publisher', () => {
  it('writes each message byte for byte, at the offset that it returns, in the partition of Java’s partitioner', async () => {
    const topic = await test.topic(6);
    const publisher = createPublisher(test.bus);
    const sent = Array.from({ length: 300 }, (_, index) => ({
      topic,
      key: text(`user-${index % 17}`),
      value: randomBytes(index),
      headers: { bytes: Buffer.from([0, index & 0xff, 0xff]) },
    }));
    const published = await Promise.all(sent.map((message) => publisher.send(message)));
    await publisher.close();
    const found = new Map((await readAll(topic)).map((record) => [`${record.partition}/${record.offset}`, record]));
    expect(found.size).toBe(300);
    sent.forEach((message, index) => {
      const at = published[index];
      expect(at?.partition).toBe(partitionOf(message.key, 6));
      expect(found.get(`${at?.partition}/${at?.offset}`)).toMatchObject({
        key: message.key,
        value: message.value,
        headers: message.headers,
      });
    });
  });

  it('keeps the order of the calls within a partition, over many batches', async () => {
    const topic = await test.topic(1);
    const publisher = createPublisher(test.bus, { maxBatchCount: 7 });
    const send = (index: number) => publisher.send({ topic, key: null, value: text(String(index)) });
    await Promise.all(Array.from({ length: 500 }, (_, index) => send(index)));
    await publisher.close();
    expect((await readAll(topic)).map(({ value }) => Number(value))).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  it('writes tombstones, null keys and gzip', async () => {
    const topic = await test.topic(1);
    const publisher = createPublisher(test.bus, { compression: 'gzip' });
    await publisher.send({ topic, key: text('k'), value: null });
    await publisher.send({ topic, key: null, value: Buffer.alloc(10_000) });
    await publisher.close();
    const records = await readAll(topic);
    expect(records.map(({ key, value }) => [key?.toString() ?? null, value?.length ?? null])).toEqual([
      ['k', null],
      [null, 10_000],
    ]);
  });

  it('fails for a partition that does not exist, and writes nothing', async () => {
    const topic = await test.topic(2);
    const publisher = createPublisher(test.bus);
    expect(await reasonOf(publisher.send({ topic, key: null, value: null, partition: 2 }))).toBe('no_such_partition');
    expect(await reasonOf(publisher.send({ topic, key: null, value: text('x'), partition: 1 }))).toBe('published');
    await publisher.close();
  });

  it('fails for an unknown topic, does not create it, and serves other topics meanwhile', async () => {
    const topic = await test.topic(1);
    const unknown = `${test.topicPrefix}unknown`;
    const publisher = createPublisher(test.bus);
    const started = Date.now();
    const answers = [unknown, topic].map((name) =>
      reasonOf(publisher.send({ topic: name, key: null, value: text('x') })),
    );
    expect(await Promise.all(answers)).toEqual(['unknown_topic', 'published']);
    expect(await reasonOf(publisher.send({ topic: unknown, key: null, value: null }))).toBe('unknown_topic');
    expect(Date.now() - started).toBeLessThan(4_000);
    await publisher.close();
  });

  it('continues after a topic was deleted and created again, without affecting other topics', async () => {
    const [deleted, healthy] = [await test.topic(2), await test.topic(1)];
    const publisher = createPublisher(test.bus);
    const send = (topic: string) => reasonOf(publisher.send({ topic, key: text('k'), value: text('x') }));
    expect(await Promise.all([send(deleted), send(healthy)])).toEqual(['published', 'published']);
    await deleteTopics(test.bus, [deleted]);
    expect(await Promise.all([send(deleted), send(healthy)])).toEqual(['unknown_topic', 'published']);
    expect(await send(healthy)).toBe('published');
    await applyTopics(test.bus, [{ name: deleted, partitions: 1, config: {} }], { replicationFactor: 1 });
    await expect.poll(() => send(deleted), { timeout: 8_000 }).toBe('published');
    await publisher.close();
  });

  it('finds added partitions', async () => {
    const topic = await test.topic(1);
    const publisher = createPublisher(test.bus);
    await publisher.send({ topic, key: null, value: text('x') });
    await applyTopics(test.bus, [{ name: topic, partitions: 3, config: {} }], { replicationFactor: 1 });
    const send = () => reasonOf(publisher.send({ topic, key: null, value: text('x'), partition: 2 }));
    await expect.poll(send, { timeout: 8_000, interval: 300 }).toBe('published');
    await publisher.close();
  });

  it('refuses the one message that is too large, and writes those gathered with it', async () => {
    const topic = await test.topic(1, { 'max.message.bytes': '20000' });
    const publisher = createPublisher(test.bus);
    const sizes = [9_000, 9_000, 30_000, 9_000];
    const answers = sizes.map((size) => reasonOf(publisher.send({ topic, key: null, value: Buffer.alloc(size) })));
    expect(await Promise.all(answers)).toEqual(['published', 'published', 'too_large', 'published']);
    expect((await readAll(topic)).map(({ value }) => value?.length)).toEqual([9_000, 9_000, 9_000]);
    await publisher.close();
  });

  it('times out when no broker responds', async () => {
    const bus = connectBus({ brokers: ['127.0.0.1:9'], clientId: 'nobody-there' });
    const publisher = createPublisher(bus, { sendTimeoutMs: 700 });
    const started = Date.now();
    expect(await reasonOf(publisher.send({ topic: 't', key: null, value: null }))).toBe('timeout');
    expect(Date.now() - started).toBeLessThan(1_500);
    await publisher.close();
  });

  it('refuses messages beyond its limit of waiting bytes', async () => {
    const bus = connectBus({ brokers: ['127.0.0.1:9'], clientId: 'nobody-there' });
    const publisher = createPublisher(bus, { sendTimeoutMs: 300, maxWaitingBytes: 1_000 });
    const answers = [1, 2].map(() => reasonOf(publisher.send({ topic: 't', key: null, value: Buffer.alloc(1_000) })));
    expect(await Promise.all(answers)).toEqual(['timeout', 'queue_full']);
    await publisher.close();
  });

  it('waits at close for accepted messages, and refuses further ones', async () => {
    const topic = await test.topic(1);
    const publisher = createPublisher(test.bus);
    const last = publisher.send({ topic, key: null, value: text('last') });
    await publisher.close();
    await expect(last).resolves.toEqual({ partition: 0, offset: 0n });
    expect(await reasonOf(publisher.send({ topic, key: null, value: null }))).toBe('closed');
  });
});
