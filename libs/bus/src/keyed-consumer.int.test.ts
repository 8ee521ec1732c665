import { zstdCompressSync } from 'node:zlib';
import { openWorld } from '@vault-engine/world';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { withAdmin } from './bus.ts';
import { ConsumerDead } from './consumer-health.ts';
import { type KeyedConsumer, type KeyedConsumerOptions, startKeyedConsumer } from './keyed-consumer.ts';
import { openTestBus, type TestBus } from './open-test-bus.ts';
import { createPublisher, type Publisher } from './publish.ts';
import type { OffsetReset } from './repair-offset-reset.ts';
import type { HandlerResult } from './run-record.ts';
import { committedOffsets, watermarks } from './watermarks.ts';

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

const { CompressionCodecs, CompressionTypes } = kafkajs;
const ack: HandlerResult = { kind: 'ack' };
const text = (value: string): Buffer => Buffer.from(value);
const send = (topic: string, key: string | null, value: string) =>
  publisher.send({ topic, key: key === null ? null : text(key), value: text(value) });

/** Starts lanes that stop with the test. */
async function start(topic: string, options: Partial<KeyedConsumerOptions>): Promise<KeyedConsumer> {
  const lanes = await startKeyedConsumer(test.bus, {
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
    await lanes.stop({ drainMs: 0 });
  });
  return lanes;
}

const committed = async (topic: string): Promise<bigint> => {
  const offsets = await committedOffsets(test.bus, `${topic}.group`, topic);
  return [...offsets.values()].reduce((sum, offset) => sum + offset, 0n);
};

/** Lets handlers wait until the test opens the gate. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** As a Java producer may send. kafkajs has no codec for it; this lends it one for as long as it writes. */
async function sendAsZstd(topic: string, value: string): Promise<void> {
  const missing = CompressionCodecs[CompressionTypes.ZSTD];
  const compress = async ({ buffer }: { readonly buffer: Buffer }) => zstdCompressSync(buffer);
  const producer = test.bus.client().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({ compress });
  await producer.send({ topic, compression: CompressionTypes.ZSTD, messages: [{ key: 'k', value }] });
  CompressionCodecs[CompressionTypes.ZSTD] = missing;
  await producer.disconnect();
}

describe('lanes', () => {
  it('work off what was there before and what comes, each key in its order, and commit all of it', async () => {
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

  it('commit nothing beyond a record that is not done', async () => {
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

  it('let the next record of a key go on when one yields its lane, and wait with the commit', async () => {
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

  it('let a record that need not wait pass those of its key, and say so to its handler', async () => {
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

  it('send poison to the dead letters, and commit it only when they have it', async () => {
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

  it('take null keys, null values and empty records', async () => {
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

  it('run no record twice at a time when members come and go, and lose none', async () => {
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
    await Promise.all([first, third].map((lanes) => lanes.stop({ drainMs: 1_000 })));
  });

  it('read no further while paused, finish what they have, and go on', async () => {
    const topic = await test.topic(2);
    const seen: string[] = [];
    const lanes = await start(topic, {
      handle: async ({ value }) => {
        seen.push(String(value));
        return ack;
      },
    });
    lanes.pause('storage');
    lanes.pause('registry');
    // A fetch that is under way may still bring a batch, which kafkajs drops for a paused partition.
    await send(topic, 'a', '1');
    lanes.resume('storage');
    await send(topic, 'b', '2');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(seen).toEqual([]);
    expect(lanes.stats()).toMatchObject({ pausedFor: ['registry'] });
    lanes.resume('registry');
    await vi.waitFor(() => expect(seen.toSorted()).toEqual(['1', '2']));
  });

  it('hold back a partition that holds too much, and only that one', async () => {
    const topic = await test.topic(2);
    const { opened, open } = gate();
    let most = 0;
    const seen: number[] = [];
    const lanes = await start(topic, {
      maxUnfinished: 50,
      handle: async ({ partition }) => {
        if (partition === 0) await opened;
        most = Math.max(most, lanes.stats().partitions.find((one) => one.partition === 0)?.unfinished ?? 0);
        seen.push(partition);
        return ack;
      },
    });
    const sendTo = (partition: number) => publisher.send({ topic, key: null, value: text('x'), partition });
    for (let batch = 0; batch < 40; batch += 1) await Promise.all(Array.from({ length: 10 }, () => sendTo(0)));
    await Promise.all(Array.from({ length: 10 }, () => sendTo(1)));
    await vi.waitFor(() => expect(seen).toHaveLength(10));
    expect(lanes.stats().partitions.find((one) => one.partition === 0)?.held).toBe(true);
    open();
    await vi.waitFor(async () => expect(await committed(topic)).toBe(410n), { timeout: 10_000 });
    expect(lanes.stats().partitions.every(({ held }) => !held)).toBe(true);
  });

  it('serve a hundred quiet keys while a hot one has thousands waiting', async () => {
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

  it('stop with everything drained and committed', async () => {
    const topic = await test.topic(2);
    let done = 0;
    const lanes = await start(topic, {
      commitEveryMs: 60_000,
      handle: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        done += 1;
        return ack;
      },
    });
    await Promise.all(Array.from({ length: 100 }, (_, index) => send(topic, `k${index % 9}`, 'x')));
    await vi.waitFor(() => expect(lanes.stats().open).toBeGreaterThan(0));
    expect(await lanes.stop({ drainMs: 5_000 })).toEqual({ drained: true, committed: true });
    expect(await committed(topic)).toBe(BigInt(done));
  });

  it('abort what does not end when they stop; it is delivered again', async () => {
    const topic = await test.topic(1);
    let aborted = false;
    const lanes = await start(topic, {
      handle: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new Error('aborted'));
          });
        }),
    });
    await send(topic, 'k', 'stuck');
    await vi.waitFor(() => expect(lanes.stats().working).toBe(1));
    expect(await lanes.stop({ drainMs: 50 })).toEqual({ drained: false, committed: true });
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

  it('raise an alarm when the log begins above the group’s offset, go on there, and commit no -2', async () => {
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
    await withAdmin(test.bus, async (admin) => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '12' }] });
    });
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
    expect(await committedOffsets(test.bus, `${topic}.group`, topic)).toEqual(new Map([[0, 5n]]));
    open();
    await vi.waitFor(async () => expect(await committed(topic)).toBe(20n));
    expect(seen[0]).toBe(12n);
  });

  it('are not killed by a batch that kafkajs cannot decompress, where the topic says gzip', async () => {
    const topic = await test.topic(1, { 'compression.type': 'gzip' });
    const seen: string[] = [];
    const onFatal = vi.fn();
    await sendAsZstd(topic, 'zstd');
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

  it('say, once, that they are dead when kafkajs gives up', async () => {
    const topic = await test.topic(1, { 'compression.type': 'producer' });
    const onFatal = vi.fn();
    await sendAsZstd(topic, 'zstd');
    await start(topic, { onFatal });
    await vi.waitFor(() => expect(onFatal).toHaveBeenCalledOnce(), { timeout: 10_000 });
    expect(onFatal.mock.lastCall?.[0]).toBeInstanceOf(ConsumerDead);
  });

  it('are not stopped by a record with tens of thousands of headers; it comes without any', async () => {
    const topic = await test.topic(1);
    const headers: string[][] = [];
    await start(topic, {
      handle: async (record) => {
        headers.push(Object.keys(record.headers));
        return ack;
      },
    });
    const flood = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [index.toString(36), Buffer.alloc(0)]),
    );
    const started = Date.now();
    await publisher.send({ topic, key: null, value: text('x'), headers: flood });
    await publisher.send({
      topic,
      key: null,
      value: text('x'),
      headers: { constructor: text('a'), __proto__x: text('b') },
    });
    await vi.waitFor(() => expect(headers).toHaveLength(2), { timeout: 10_000 });
    expect(headers).toEqual([[], ['constructor', '__proto__x']]);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('refuse to start on a topic that is not there', async () => {
    await expect(start(`${test.topicPrefix}nowhere`, {})).rejects.toThrow(/topic/i);
  });
});
