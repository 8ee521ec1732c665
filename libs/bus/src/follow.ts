import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Bus } from './bus.ts';
import { type OnFatal, watchConsumer } from './consumer-health.ts';
import { pinnedAssigner } from './pinned-assigner.ts';
import { type BusRecord, toRecord } from './record.ts';
import { type OffsetReset, reportOffsetResets } from './repair-offset-reset.ts';

export interface FollowOptions {
  readonly topic: string;
  /** undefined: all of the topic, those added later included. */
  readonly partitions?: readonly number[];
  /** Where to begin; partitions without an entry begin at the first offset that the broker has. */
  readonly from: ReadonlyMap<number, bigint>;
  /** In the order of the offsets within a partition. Must not throw. */
  readonly onRecord: (record: BusRecord) => void;
  /** All offsets below `next` are done, handed over or not there. */
  readonly onProgress?: (partition: number, next: bigint) => void;
  /** Nothing has come for some time, although the brokers answer. */
  readonly onQuiet?: () => void;
  readonly onReset?: (reset: OffsetReset) => void;
  readonly onFatal: OnFatal;
  readonly stallMs: number;
}

/** Reads a topic by itself: outside any group's balance, without commits. */
export interface Follower {
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/**
 * Follows a topic in a one-off group of one member. Positions live in memory and are set again whenever kafkajs joins
 * anew, which it does after a broker's restart: so reading goes on where it was. Resolves when it has joined.
 */
export async function follow(bus: Bus, options: FollowOptions): Promise<Follower> {
  const { topic } = options;
  const consumer = openConsumer(bus, options);
  const positions = new Map(options.from);
  const joined = Promise.withResolvers<void>();
  const stopWatching = watchConsumer(consumer, {
    name: `follower of ${topic}`,
    stallMs: options.stallMs,
    onFatal: (error) => {
      joined.reject(error);
      options.onFatal(error);
    },
  });
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const [partition, offset] of positions) consumer.seek({ topic, partition, offset: String(offset) });
    joined.resolve();
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    positions.set(payload.partition, BigInt(payload.lastOffset) + 1n);
    options.onProgress?.(payload.partition, BigInt(payload.lastOffset) + 1n);
  });
  const stir = noticeQuiet(consumer, options.onQuiet ?? (() => undefined));
  const close = async () => {
    stopWatching();
    await consumer.disconnect();
  };
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => handOver(payload, options.onRecord),
    });
    await joined.promise;
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return {
    pause: () => consumer.pause([{ topic }]),
    resume: () => {
      stir();
      consumer.resume([{ topic }]);
    },
    close,
  };
}

function openConsumer(bus: Bus, { topic, partitions, onReset }: FollowOptions): Consumer {
  return bus.client().consumer({
    groupId: `${bus.clientId}.follower.${randomUUID()}`,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 250,
    sessionTimeout: 30_000,
    heartbeatInterval: 3_000,
    retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000 },
    partitionAssigners: [reportOffsetResets(pinnedAssigner(topic, partitions), (reset) => onReset?.(reset))],
  });
}

function handOver({ batch, resolveOffset }: EachBatchPayload, onRecord: (record: BusRecord) => void): void {
  for (const message of batch.messages) onRecord(toRecord(batch.topic, batch.partition, message));
  resolveOffset(batch.lastOffset());
}

/**
 * The end of a log can lie below its high watermark (what stood there was compacted away): when every broker has answered
 * two fetches in a row and no batch came of it, all is read. Answers how to begin counting anew.
 */
function noticeQuiet(consumer: Consumer, onQuiet: () => void): () => void {
  const emptyFetches = new Map<number, number>();
  const stir = () => {
    for (const node of emptyFetches.keys()) emptyFetches.set(node, 0);
  };
  consumer.on(consumer.events.GROUP_JOIN, stir);
  consumer.on(consumer.events.START_BATCH_PROCESS, stir);
  consumer.on(consumer.events.FETCH_START, ({ payload }) => {
    if (!emptyFetches.has(payload.nodeId)) emptyFetches.set(payload.nodeId, 0);
  });
  consumer.on(consumer.events.FETCH, ({ payload: { nodeId } }) => {
    emptyFetches.set(nodeId, (emptyFetches.get(nodeId) ?? 0) + 1);
    if (Math.min(...emptyFetches.values()) > EMPTY_FETCHES) onQuiet();
  });
  return stir;
}

/** The fetch whose batches are just arriving has already been counted when they do; hence more than two. */
const EMPTY_FETCHES = 3;
