import { openWorld } from '@vault-engine/world';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { OffsetReset } from '../kafkajs/consumer-observer.ts';
import { MAX_HEADERS } from '../kafkajs/patch-decoder.ts';
import { openTestBus, type TestBus } from '../open-test-bus.ts';
import { createPublisher, type Publisher } from '../produce/publisher.ts';
import { committedOffsets, watermarks } from '../tables/watermarks.ts';
import { deleteRecordsBefore } from '../topics.ts';
import { type KeyedConsumer, type KeyedConsumerOptions, startKeyedConsumer } from './keyed-consumer.ts';
import type { HandlerResult } from './run-record.ts';

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

const ack: HandlerResult = { kind: 'ack' };
const text = (value: string): Buffer => Buffer.from(value);
const send = (topic: string, key: string | null, value: string) =>
  publisher.send({ topic, key: key === null ? null : text(key), value: text(value) });

/** Starts a consumer that stops with the test. */
async function start(topic: string, options: Partial<KeyedConsumerOptions>): Promise<KeyedConsumer> {
  const consumer = await startKeyedConsumer(test.bus, {
    groupId: `${topic}.group`,
    topics: [topic],
    handle: async () => ack,
    deadLetter: async () => undefined,
    onError: () => undefined,
    onOffsetReset: () => undefined,
    onFatal: () => undefined,
    commitEveryMs: 50,
    ...options,
  });
  onTestFinished(async () => {
    await consumer.stop({ drainMs: 0 });
  });
  return consumer;
}

const committed = async (topic: string): Promise<bigint> => {
  const offsets = await committedOffsets(test.bus, `${topic}.group`, topic);
  return [...offsets.values()].reduce((sum, offset) => sum + offset, 0n);
};

/** Makes handlers wait until the test opens the gate. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

describe('a keyed consumer', () => {
  it('handles earlier and new records, each key in its order, and commits all of them', async () => {
    const topic = await test.topic(3);
    const seen = new Map<string, number[]>();
    const sendSome = (from: number) =>
      Promise.all(Array.from({ length: 200 }, (_, index) => send(topic, `user-${index % 7}`, String(from + index))));
    await sendSome(0);
    await start(topic, {
      handle: async ({ key, value }) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
        seen.set(String(key), [...(seen.get(String(key)) ?? []), Number(value)]);
        return ack;
      },
    });
    await sendSome(200);
    await vi.waitFor(async () => expect(await committed(topic)).toBe(400n), { timeout: 10_000 });
    expect([...seen.values()].flat()).toHaveLength(400);
    for (const values of seen.values()) expect(values).toEqual(values.toSorted((a, b) => a - b));
  });

  it('commits nothing beyond a record that is not done', async () => {
    const topic = await test.topic(1);
    const { opened, open } = gate();
    const done: string[] = [];
    await start(topic, {
      handle: async ({ value }) => {
        if (String(value) === 'slow') await opened;
        done.push(String(value));
        return ack;
      },
    });
    await Promise.all(['quick', 'slow', 'quick', 'quick'].map((value, index) => send(topic, `k${index}`, value)));
    await vi.waitFor(() => expect(done).toHaveLength(3));
    await vi.waitFor(async () => expect(await committed(topic)).toBe(1n));
    open();
    await vi.waitFor(async () => expect(await committed(topic)).toBe(4n));
  });

  it('starts the key’s next record when a handler releases the order, and delays the commit', async () => {
    const topic = await test.topic(1);
    const { opened, open } = gate();
    const done: string[] = [];
    await start(topic, {
      concurrency: 1,
      handle: async ({ value }, { releaseKeyOrder }) => {
        if (String(value) === 'waits') {
          releaseKeyOrder();
          await opened;
        }
        done.push(String(value));
        return ack;
      },
    });
    await send(topic, 'u', 'waits');
    await send(topic, 'u', 'next');
    await vi.waitFor(() => expect(done).toEqual(['next']));
    expect(await committed(topic)).toBe(0n);
    open();
    await vi.waitFor(async () => expect(await committed(topic)).toBe(2n));
  });

  it('lets an unordered record pass earlier records of its key, and reports it to the handler', async () => {
    const topic = await test.topic(1);
    const { opened, open } = gate();
    const done: string[] = [];
    await start(topic, {
      ordered: ({ value }) => String(value) !== 'passes',
      handle: async ({ value }, { ordered }) => {
        if (String(value) === 'waits') await opened;
        done.push(`${value} ${ordered}`);
        return ack;
      },
    });
    for (const value of ['waits', 'next', 'passes']) await send(topic, 'u', value);
    await vi.waitFor(() => expect(done).toEqual(['passes false']));
    open();
    await vi.waitFor(async () => expect(await committed(topic)).toBe(3n));
    expect(done).toEqual(['passes false', 'waits true', 'next true']);
  });

  it('moves a refused record to the dead-letter topic, and commits it only when that write is acknowledged', async () => {
    const topic = await test.topic(1);
    const dead: string[] = [];
    const deadLetter = vi
      .fn<KeyedConsumerOptions['deadLetter']>()
      .mockRejectedValueOnce(new Error('not now'))
      .mockImplementation(async (record, reason) => {
        dead.push(`${record.value} ${reason}`);
      });
    await start(topic, {
      deadLetter,
      handle: async ({ value }) => (String(value) === 'poison' ? { kind: 'dead-letter', reason: 'bad_magic' } : ack),
    });
    await Promise.all(['good', 'poison', 'good'].map((value, index) => send(topic, `k${index}`, value)));
    await vi.waitFor(async () => expect(await committed(topic)).toBe(3n));
    expect(dead).toEqual(['poison bad_magic']);
    expect(deadLetter).toHaveBeenCalledTimes(2);
  });

  it('handles null keys, null values and empty records', async () => {
    const topic = await test.topic(1);
    const seen: unknown[] = [];
    await start(topic, {
      handle: async ({ key, value }) => {
        seen.push([key, value]);
        return ack;
      },
    });
    await publisher.send({ topic, key: null, value: null });
    await publisher.send({ topic, key: Buffer.alloc(0), value: Buffer.alloc(0) });
    await vi.waitFor(async () => expect(await committed(topic)).toBe(2n));
    expect(seen).toEqual([
      [null, null],
      [Buffer.alloc(0), Buffer.alloc(0)],
    ]);
  });

  it('runs no record twice concurrently when members join and leave, and loses none', async () => {
    const topic = await test.topic(4);
    const running = new Set<string>();
    const done = new Map<string, number>();
    const overlaps: string[] = [];
    const member = () => {
      const mine = new Set<string>();
      return start(topic, {
        handle: async ({ partition, offset }) => {
          const at = `${partition}/${offset}`;
          if (mine.has(at)) overlaps.push(at);
          mine.add(at);
          running.add(at);
          await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 10));
          mine.delete(at);
          running.delete(at);
          done.set(at, (done.get(at) ?? 0) + 1);
          return ack;
        },
      });
    };
    const count = 3_000;
    const first = await member();
    const sending = Promise.all(Array.from({ length: count }, (_, index) => send(topic, `k${index % 50}`, 'x')));
    const second = await member();
    const third = await member();
    await second.stop({ drainMs: 2_000 });
    await sending;
    await vi.waitFor(async () => expect(await committed(topic)).toBe(BigInt(count)), { timeout: 20_000 });
    expect(overlaps).toEqual([]);
    expect(done.size).toBe(count);
    await Promise.all([first, third].map((member) => member.stop({ drainMs: 1_000 })));
  });

  it('reads nothing while paused, and continues when resumed', async () => {
    const topic = await test.topic(2);
    const seen: string[] = [];
    const consumer = await start(topic, {
      handle: async ({ value }) => {
        seen.push(String(value));
        return ack;
      },
    });
    consumer.pause('storage');
    consumer.pause('registry');
    // A fetch in flight may still return a batch, which kafkajs drops for a paused partition.
    await send(topic, 'a', '1');
    consumer.resume('storage');
    await send(topic, 'b', '2');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(seen).toEqual([]);
    expect(consumer.stats()).toMatchObject({ pausedFor: ['registry'] });
    consumer.resume('registry');
    await vi.waitFor(() => expect(seen.toSorted()).toEqual(['1', '2']));
  });

  it('pauses an overloaded partition, and no other', async () => {
    const topic = await test.topic(2);
    const { opened, open } = gate();
    let most = 0;
    const seen: number[] = [];
    const consumer = await start(topic, {
      maxUnfinished: 50,
      handle: async ({ partition }) => {
        if (partition === 0) await opened;
        most = Math.max(most, consumer.stats().partitions.find((one) => one.partition === 0)?.unfinished ?? 0);
        seen.push(partition);
        return ack;
      },
    });
    const sendTo = (partition: number) => publisher.send({ topic, key: null, value: text('x'), partition });
    for (let batch = 0; batch < 40; batch += 1) await Promise.all(Array.from({ length: 10 }, () => sendTo(0)));
    await Promise.all(Array.from({ length: 10 }, () => sendTo(1)));
    await vi.waitFor(() => expect(seen).toHaveLength(10));
    expect(consumer.stats().partitions.find((one) => one.partition === 0)?.overloaded).toBe(true);
    open();
    await vi.waitFor(async () => expect(await committed(topic)).toBe(410n), { timeout: 10_000 });
    expect(consumer.stats().partitions.every(({ overloaded }) => !overloaded)).toBe(true);
  });

  it('handles a hundred quiet keys while a hot key has thousands waiting', async () => {
    const topic = await test.topic(1);
    const done: string[] = [];
    await start(topic, {
      handle: async ({ key }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        done.push(String(key));
        return ack;
      },
    });
    const hot = Array.from({ length: 2_000 }, () => send(topic, 'hot', 'x'));
    await Promise.all(hot);
    await Promise.all(Array.from({ length: 100 }, (_, index) => send(topic, `quiet-${index}`, 'x')));
    await vi.waitFor(() => expect(done.filter((key) => key !== 'hot')).toHaveLength(100));
    expect(done.length).toBeLessThan(2_000);
    await vi.waitFor(async () => expect(await committed(topic)).toBe(2_100n), { timeout: 15_000 });
  });

  it('stops with everything drained and committed', async () => {
    const topic = await test.topic(2);
    let done = 0;
    const consumer = await start(topic, {
      commitEveryMs: 60_000,
      handle: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        done += 1;
        return ack;
      },
    });
    await Promise.all(Array.from({ length: 100 }, (_, index) => send(topic, `k${index % 9}`, 'x')));
    await vi.waitFor(() => expect(consumer.stats().open).toBeGreaterThan(0));
    expect(await consumer.stop({ drainMs: 5_000 })).toEqual({ drained: true, committed: true });
    expect(await committed(topic)).toBe(BigInt(done));
  });

  it('aborts unfinished handlers when it stops; their records are delivered again', async () => {
    const topic = await test.topic(1);
    let aborted = false;
    const consumer = await start(topic, {
      handle: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new Error('aborted'));
          });
        }),
    });
    await send(topic, 'k', 'stuck');
    await vi.waitFor(() => expect(consumer.stats().working).toBe(1));
    expect(await consumer.stop({ drainMs: 50 })).toEqual({ drained: false, committed: true });
    expect(aborted).toBe(true);
    const again: string[] = [];
    await start(topic, {
      handle: async ({ value }) => {
        again.push(String(value));
        return ack;
      },
    });
    await vi.waitFor(() => expect(again).toEqual(['stuck']));
  });

  it('reports a log that starts above the group’s offset, and commits the log start offset', async () => {
    const topic = await test.topic(1);
    const resets: OffsetReset[] = [];
    const seen: bigint[] = [];
    const { opened, open } = gate();
    const onOffsetReset = (reset: OffsetReset) => resets.push(reset);
    const first = await start(topic, { onOffsetReset });
    await Promise.all(Array.from({ length: 5 }, () => send(topic, 'k', 'x')));
    await vi.waitFor(async () => expect(await committed(topic)).toBe(5n));
    await first.stop({ drainMs: 1_000 });
    await Promise.all(Array.from({ length: 15 }, () => send(topic, 'k', 'x')));
    await deleteRecordsBefore(test.bus, topic, new Map([[0, 12n]]));
    expect(await watermarks(test.bus, topic)).toEqual([{ partition: 0, low: 12n, high: 20n }]);
    await start(topic, {
      onOffsetReset,
      handle: async ({ offset }) => {
        await opened;
        seen.push(offset);
        return ack;
      },
    });
    await vi.waitFor(() => expect(resets).toEqual([{ topic, partition: 0, from: 5n, to: 12n }]));
    const at12 = new Map([[0, 12n]]);
    await expect.poll(() => committedOffsets(test.bus, `${topic}.group`, topic)).toEqual(at12);
    open();
    await vi.waitFor(async () => expect(await committed(topic)).toBe(20n));
    expect(seen[0]).toBe(12n);
  });

  it('reads what the broker recompressed with gzip, whatever the producer’s codec', async () => {
    const topic = await test.topic(1, { 'compression.type': 'gzip' });
    const seen: string[] = [];
    const onFatal = vi.fn();
    await test.sendCompressed('ZSTD', topic, 'zstd');
    await start(topic, {
      onFatal,
      handle: async ({ value }) => {
        seen.push(String(value));
        return ack;
      },
    });
    await send(topic, 'k', 'plain');
    await vi.waitFor(() => expect(seen).toEqual(['zstd', 'plain']));
    expect(onFatal).not.toHaveBeenCalled();
  });

  it('moves a batch that it cannot decode to the dead-letter topic as it is, and reads on', async () => {
    const topic = await test.topic(1, { 'compression.type': 'producer' });
    const [seen, dead, onFatal] = [vi.fn(), vi.fn<KeyedConsumerOptions['deadLetter']>(async () => undefined), vi.fn()];
    await test.sendCompressed('ZSTD', topic, 'zstd');
    await test.sendCompressed('Snappy', topic, 'not snappy');
    await send(topic, 'k', 'plain');
    await start(topic, {
      onFatal,
      deadLetter: dead,
      handle: async ({ value, timestampType }) => {
        seen(`${value} ${timestampType}`);
        return ack;
      },
    });
    await vi.waitFor(async () => expect(await committed(topic)).toBe(3n));
    expect(seen.mock.calls).toEqual([['zstd CreateTime'], ['plain CreateTime']]);
    const [record, reason] = dead.mock.lastCall ?? [];
    expect(dead).toHaveBeenCalledOnce();
    expect([record?.offset, reason]).toEqual([1n, 'undecodable_batch:snappy']);
    expect(record?.value?.readBigInt64BE(0)).toBe(1n); // the batch's first offset
    expect(onFatal).not.toHaveBeenCalled();
  });

  it('drops the headers of a record that has too many, and keeps the record', async () => {
    const topic = await test.topic(1);
    const headers: string[][] = [];
    await start(topic, {
      handle: async (record) => {
        headers.push(Object.keys(record.headers));
        return ack;
      },
    });
    const tooMany = Object.fromEntries(
      Array.from({ length: MAX_HEADERS + 1 }, (_, index) => [`h${index}`, Buffer.alloc(0)]),
    );
    await publisher.send({ topic, key: null, value: text('x'), headers: tooMany });
    await publisher.send({
      topic,
      key: null,
      value: text('x'),
      headers: { constructor: text('a'), __proto__x: text('b') },
    });
    await vi.waitFor(() => expect(headers).toHaveLength(2), { timeout: 10_000 });
    expect(headers).toEqual([[], ['constructor', '__proto__x']]);
  });

  it('refuses to start on a topic that does not exist', async () => {
    await expect(start(`${test.topicPrefix}nowhere`, {})).rejects.toThrow(/topic/i);
  });
});
