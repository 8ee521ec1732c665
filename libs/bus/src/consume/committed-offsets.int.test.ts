import { openWorld } from '@vault-engine/world';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { withAdmin } from '../bus.ts';
import { openTestBus, type TestBus } from '../open-test-bus.ts';
import { createPublisher, type Publisher } from '../produce/publisher.ts';
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
const groupOf = (topic: string): string => `${topic}.group`;

async function start(topic: string, options: Partial<KeyedConsumerOptions> = {}): Promise<KeyedConsumer> {
  const consumer = await startKeyedConsumer(test.bus, {
    groupId: groupOf(topic),
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

const send = (topic: string, partition: number, count = 1) =>
  Promise.all(
    Array.from({ length: count }, () => publisher.send({ topic, partition, key: null, value: Buffer.from('x') })),
  );

/** Sends one record to each of the partitions, in a transaction, and commits or aborts it; or leaves it open. */
async function transact(topic: string, partitions: readonly number[], end: 'commit' | 'abort' | 'open') {
  const producer = test.bus.client().producer({
    transactionalId: `${topic}.${partitions.join()}.${end}`,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    transactionTimeout: 60_000,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: partitions.map((partition) => ({ partition, value: 'transactional' })) });
  if (end !== 'open') await transaction[end]();
  const close = async (): Promise<void> => {
    if (end === 'open') await transaction.abort();
    await producer.disconnect();
  };
  if (end !== 'open') await close();
  return close;
}

interface OutsideView {
  readonly committed: readonly number[];
  /** By partition: the end offset less the committed offset. */
  readonly lags: readonly number[];
}

/** The lag as an autoscaler computes it, from committed and end offsets alone. -1: nothing is committed. */
const viewFromOutside = (topic: string): Promise<OutsideView> =>
  withAdmin(test.bus, async (admin) => {
    const ends = new Map(
      (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]),
    );
    const [group] = await admin.fetchOffsets({ groupId: groupOf(topic), topics: [topic] });
    const partitions = (group?.partitions ?? []).toSorted((one, other) => one.partition - other.partition);
    return {
      committed: partitions.map(({ offset }) => Number(offset)),
      lags: partitions.map(({ partition, offset }) => (ends.get(partition) ?? Number.NaN) - Number(offset)),
    };
  });

const lagsOf = (...consumers: readonly KeyedConsumer[]) =>
  consumers
    .flatMap((consumer) => consumer.stats().partitions)
    .toSorted((one, other) => one.partition - other.partition)
    .map(({ lag }) => lag);

/** Waits until the outside view and the consumers' own view agree on no lag in any partition. */
async function expectNoLag(topic: string, partitions: number, ...consumers: readonly KeyedConsumer[]): Promise<void> {
  const none = Array.from({ length: partitions }, () => 0);
  await vi.waitFor(
    async () => {
      expect((await viewFromOutside(topic)).lags).toEqual(none);
      expect(lagsOf(...consumers)).toEqual(none);
    },
    { timeout: 15_000, interval: 100 },
  );
}

describe('the committed offset is the position', () => {
  it('in a new group on an empty topic', async () => {
    const topic = await test.topic(3);
    const consumer = await start(topic);
    await expectNoLag(topic, 3, consumer);
    expect((await viewFromOutside(topic)).committed).toEqual([0, 0, 0]);
  });

  it('in partitions with and without traffic', async () => {
    const topic = await test.topic(12);
    await Promise.all([send(topic, 0, 20), send(topic, 5, 20), send(topic, 11, 20)]);
    const consumer = await start(topic);
    await send(topic, 5, 10);
    await expectNoLag(topic, 12, consumer);
    expect((await viewFromOutside(topic)).committed).toEqual([20, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, 20]);
  });

  it('past the markers of committed and aborted transactions', async () => {
    const topic = await test.topic(3);
    const handled: string[] = [];
    await transact(topic, [0, 1], 'commit');
    const consumer = await start(topic, {
      handle: async ({ partition }) => {
        handled.push(`record of ${partition}`);
        return ack;
      },
    });
    await transact(topic, [1, 2], 'abort');
    await expectNoLag(topic, 3, consumer);
    expect((await viewFromOutside(topic)).committed).toEqual([2, 4, 2]);
    // Records are read uncommitted: those of an aborted transaction are handled too. Markers are no records.
    expect(handled.toSorted()).toEqual(['record of 0', 'record of 1', 'record of 1', 'record of 2']);
  });

  it('past a marker that was read after the last commit, once the consumer has stopped', async () => {
    const topic = await test.topic(1);
    const consumer = await start(topic, { commitEveryMs: 60_000 });
    await transact(topic, [0], 'commit');
    await vi.waitFor(() => expect(consumer.stats().partitions).toMatchObject([{ lag: 0, highWatermark: 2n }]));
    expect(await consumer.stop({ drainMs: 1_000 })).toEqual({ drained: true, committed: true });
    expect(await viewFromOutside(topic)).toEqual({ committed: [2], lags: [0] });
  });

  it('at the log start, after records expired while the group was away', async () => {
    const topic = await test.topic(1);
    await send(topic, 0, 10);
    const first = await start(topic);
    await expectNoLag(topic, 1, first);
    await first.stop({ drainMs: 1_000 });
    await send(topic, 0, 90);
    await deleteRecordsBefore(test.bus, topic, new Map([[0, 100n]]));
    const onOffsetReset = vi.fn();
    const second = await start(topic, { onOffsetReset });
    await expectNoLag(topic, 1, second);
    expect((await viewFromOutside(topic)).committed).toEqual([100]);
    expect(onOffsetReset).toHaveBeenCalledExactlyOnceWith({ topic, partition: 0, from: 10n, to: 100n });
  });

  it('through rebalances under traffic', async () => {
    const topic = await test.topic(6);
    const first = await start(topic);
    const sending = Promise.all([0, 1, 2, 3, 4].map((partition) => send(topic, partition, 200)));
    const second = await start(topic);
    const third = await start(topic);
    await sending;
    await expectNoLag(topic, 6, first, second, third);
    await second.stop({ drainMs: 1_000 });
    await expectNoLag(topic, 6, first, third);
    expect((await viewFromOutside(topic)).committed).toEqual([200, 200, 200, 200, 200, 0]);
  });

  it('never beyond an unfinished record when a member leaves in the middle of a batch', async () => {
    const topic = await test.topic(2);
    await Promise.all([send(topic, 0, 10), send(topic, 1, 10)]);
    const first = await start(topic, {
      handle: ({ partition, offset }, { signal }) =>
        partition === 0 && offset === 4n
          ? new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
          : Promise.resolve(ack),
    });
    await vi.waitFor(() => expect(lagsOf(first)).toEqual([6, 0]));
    expect(first.stats()).toMatchObject({ open: 1, working: 1 });
    await first.stop({ drainMs: 50 });
    expect(await viewFromOutside(topic)).toEqual({ committed: [4, 10], lags: [6, 0] });
    const handled: string[] = [];
    const second = await start(topic, {
      handle: async ({ partition, offset }) => {
        handled.push(`${partition}/${offset}`);
        return ack;
      },
    });
    await expectNoLag(topic, 2, second);
    expect(handled).toEqual(['0/4', '0/5', '0/6', '0/7', '0/8', '0/9']);
  });
});

describe('an open transaction', () => {
  it('does not stop its partition', async () => {
    const topic = await test.topic(1);
    const handled: string[] = [];
    const consumer = await start(topic, {
      handle: async ({ value }) => {
        handled.push(String(value));
        return ack;
      },
    });
    const abort = await transact(topic, [0], 'open');
    await send(topic, 0);
    await vi.waitFor(() => expect(handled).toEqual(['transactional', 'x']));
    await expectNoLag(topic, 1, consumer);
    await abort();
    await send(topic, 0);
    await expectNoLag(topic, 1, consumer);
    expect(handled).toEqual(['transactional', 'x', 'x']);
  });
});

describe('a partition that does not advance', () => {
  it('fails the probe by name after the stated time, and recovers', async () => {
    const topic = await test.topic(1);
    const gate = Promise.withResolvers<void>();
    const consumer = await start(topic, {
      partitionStallMs: 300,
      maxUnfinished: 5,
      handle: async () => {
        await gate.promise;
        return ack;
      },
    });
    for (let batch = 0; batch < 20; batch += 1) await send(topic, 0, 5);
    await vi.waitFor(async () => expect(await reasonOf(consumer.probe())).toMatch(/^PartitionStalled: .*\/0, /), {
      timeout: 5_000,
    });
    expect(consumer.stats().partitions).toMatchObject([{ position: 0n, overloaded: true }]);
    gate.resolve();
    await expectNoLag(topic, 1, consumer);
    await expect(consumer.probe()).resolves.toBeUndefined();
  });
});

const reasonOf = (probe: Promise<void>): Promise<string> =>
  probe.then(
    () => '',
    (error: Error) => `${error.name}: ${error.message}`,
  );
