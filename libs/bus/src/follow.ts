import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Bus } from './bus.ts';
import { ConsumerDead, type OnFatal, watchStall } from './consumer-health.ts';
import { noticeQuiet } from './notice-quiet.ts';
import { onceCoordinated } from './once-coordinated.ts';
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
  /** Nothing more has come, although the brokers answer. */
  readonly onQuiet?: () => void;
  readonly onReset?: (reset: OffsetReset) => void;
  /** What the log holds cannot be read, so that trying again is of no use. */
  readonly onFatal: OnFatal;
}

/** Reads a topic by itself: outside any group's balance, without commits. */
export interface Follower {
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/**
 * Follows a topic in a one-off group of one member. Positions live in memory and are set again whenever kafkajs joins;
 * when it gives up, another consumer goes on from them: so reading survives its brokers. Resolves when it has joined.
 */
export async function follow(bus: Bus, options: FollowOptions): Promise<Follower> {
  const follower = new TopicFollower(bus, options);
  await follower.start();
  return follower;
}

class TopicFollower implements Follower {
  readonly #bus: Bus;
  readonly #options: FollowOptions;
  readonly #positions: Map<number, bigint>;
  readonly #stall;
  #consumer: Consumer | undefined;
  #stir: () => void = () => undefined;
  #reopening: Promise<void> | undefined;
  #paused = false;
  #closed = false;

  constructor(bus: Bus, options: FollowOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#positions = new Map(options.from);
    this.#stall = watchStall(bus, STALL_MS, () => this.#reopen());
  }

  async start(): Promise<void> {
    try {
      this.#consumer = await onceCoordinated(() => this.#open());
    } catch (error) {
      this.#stall.stop();
      throw error;
    }
  }

  pause(): void {
    this.#paused = true;
    this.#consumer?.pause([{ topic: this.#options.topic }]);
  }

  resume(): void {
    this.#paused = false;
    this.#stir();
    this.#consumer?.resume([{ topic: this.#options.topic }]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stall.stop();
    await this.#reopening;
    await this.#consumer?.disconnect();
  }

  /** One consumer, joined. */
  async #open(): Promise<Consumer> {
    const { topic, onRecord } = this.#options;
    const crash = { retryable: false };
    const consumer = this.#create(crash);
    const joined = Promise.withResolvers<void>();
    joined.promise.catch(() => undefined);
    consumer.on(consumer.events.GROUP_JOIN, () => {
      this.#seek(consumer);
      joined.resolve();
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      joined.reject(error);
      if (this.#consumer === consumer) this.#onCrash(crash.retryable, error);
    });
    this.#listen(consumer);
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => handOver(payload, onRecord),
      });
      await joined.promise;
      return consumer;
    } catch (error) {
      await consumer.disconnect().catch(() => undefined);
      throw error;
    }
  }

  /** A group of its own each time: in the old one, a member that is gone would be waited for until its session ends. */
  #create(crash: { retryable: boolean }): Consumer {
    const { topic, partitions, onReset } = this.#options;
    return this.#bus.client().consumer({
      groupId: `${this.#bus.clientId}.follower.${randomUUID()}`,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 250,
      sessionTimeout: 30_000,
      heartbeatInterval: 3_000,
      retry: {
        retries: 3,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        // kafkajs asks only where trying again may help. This one does not restart; another takes its place.
        restartOnFailure: async () => {
          crash.retryable = true;
          return false;
        },
      },
      partitionAssigners: [reportOffsetResets(pinnedAssigner(topic, partitions), (reset) => onReset?.(reset))],
    });
  }

  #seek(consumer: Consumer): void {
    const { topic } = this.#options;
    for (const [partition, offset] of this.#positions) consumer.seek({ topic, partition, offset: String(offset) });
    if (this.#paused) consumer.pause([{ topic }]);
  }

  #listen(consumer: Consumer): void {
    consumer.on(consumer.events.FETCH, () => this.#stall.fetched());
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
      this.#positions.set(partition, BigInt(lastOffset) + 1n);
      this.#options.onProgress?.(partition, BigInt(lastOffset) + 1n);
    });
    this.#stir = noticeQuiet(consumer, () => this.#options.onQuiet?.());
  }

  #onCrash(retryable: boolean, error: Error): void {
    const { topic, onFatal } = this.#options;
    if (retryable) this.#reopen();
    else onFatal(new ConsumerDead(`${topic} cannot be followed: ${error.message}`, { cause: error }));
  }

  #reopen(): void {
    this.#reopening ??= this.#replace().finally(() => {
      this.#reopening = undefined;
    });
  }

  async #replace(): Promise<void> {
    const old = this.#consumer;
    this.#consumer = undefined;
    old?.disconnect().catch(() => undefined);
    while (!this.#closed && this.#consumer === undefined) {
      try {
        this.#consumer = await this.#open();
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        this.#bus.log('warn', 'a topic is not followed, trying again', { topic: this.#options.topic, error: text });
        await new Promise((resolve) => setTimeout(resolve, REOPEN_PAUSE_MS));
      }
    }
  }
}

const STALL_MS = 30_000;
const REOPEN_PAUSE_MS = 250;

function handOver({ batch, resolveOffset }: EachBatchPayload, onRecord: (record: BusRecord) => void): void {
  for (const message of batch.messages) onRecord(toRecord(batch.topic, batch.partition, message));
  resolveOffset(batch.lastOffset());
}
