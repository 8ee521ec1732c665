import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, PartitionAssigner } from 'kafkajs';
import type { Bus } from '../bus.ts';
import { ConsumerDead, firstFetch, type OnFatal, watchStall } from '../consume/consumer-health.ts';
import { messageOf } from '../errors.ts';
import { type OffsetReset, observeConsumer } from '../kafkajs/consumer-observer.ts';
import { AssignerProtocol } from '../kafkajs/kafkajs.ts';
import { type BusRecord, fromMessage, undecodedCodecOf } from '../record.ts';
import { type RequiredRight, RightMissing } from '../rights.ts';
import { endsWithin } from '../time-limit.ts';
import { noticeQuiet } from './catch-up.ts';
import { retryJoin } from './retry-join.ts';

export interface FollowerOptions {
  readonly topic: string;
  /** undefined: all partitions of the topic, later ones included. */
  readonly partitions?: readonly number[];
  /** The start offsets; partitions without an entry start at the log start offset. */
  readonly from: ReadonlyMap<number, bigint>;
  /** Called in offset order within a partition. Must not throw. A batch that cannot be decoded is passed to `onUndecoded` instead. */
  readonly onRecord: (record: BusRecord) => void;
  /** Default: the follower ends with `onFatal`. */
  readonly onUndecoded?: (codec: string, partition: number, offset: string) => void;
  /** All records below `next` were passed to `onRecord`. */
  readonly onProgress?: (partition: number, next: bigint) => void;
  /** The brokers respond, and no further records follow. */
  readonly onQuiet?: () => void;
  readonly onReset?: (reset: OffsetReset) => void;
  /** The log contains what cannot be decoded, so a retry would fail too. */
  readonly onFatal: OnFatal;
}

/** Reads a topic alone: without a shared group and without commits. */
export interface Follower {
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/**
 * Follows a topic in a one-off group with one member. Positions are kept in memory and set again at each join. When kafkajs
 * gives up, another consumer continues from them, so reading survives broker outages. The same holds while a right is missing
 * that was taken away. Resolves when the group is joined and the topic may be read.
 *
 * @throws {RightMissing} where the brokers refuse a right
 */
export async function follow(bus: Bus, options: FollowerOptions): Promise<Follower> {
  const follower = new TopicFollower(bus, options);
  await follower.start();
  return follower;
}

class TopicFollower implements Follower {
  readonly #bus: Bus;
  readonly #rights: readonly RequiredRight[];
  readonly #options: FollowerOptions;
  readonly #positions: Map<number, bigint>;
  readonly #stall;
  #consumer: Consumer | undefined;
  #restartQuietCount: () => void = () => undefined;
  #reopening: Promise<void> | undefined;
  #paused = false;
  #pausedAtJoin = false;
  #closed = false;
  readonly #closing = Promise.withResolvers<void>();

  constructor(bus: Bus, options: FollowerOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#rights = [
      { operation: 'READ', resource: 'topic', name: options.topic },
      { operation: 'READ', resource: 'group', name: `${bus.clientId}.follower.*` },
    ];
    this.#positions = new Map(options.from);
    this.#stall = watchStall(bus, STALL_MS, () => this.#reopen());
  }

  async start(): Promise<void> {
    try {
      this.#use(await retryJoin(() => this.#open()));
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
    this.#restartQuietCount();
    this.#consumer?.resume([{ topic: this.#options.topic }]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    this.#stall.stop();
    await this.#reopening;
    await this.#consumer?.disconnect();
    for (const right of this.#rights) this.#bus.rights.granted(right);
  }

  /** Takes a consumer into use. It has read already: pauses and resumes of the meantime are applied. */
  #use(consumer: Consumer): void {
    this.#consumer = consumer;
    if (this.#paused === this.#pausedAtJoin) return;
    const topics = [{ topic: this.#options.topic }];
    if (this.#paused) consumer.pause(topics);
    else consumer.resume(topics);
  }

  /** Creates a consumer, joins its group and awaits the first fetch. */
  async #open(): Promise<Consumer> {
    const { topic } = this.#options;
    const crash = { retryable: false };
    const consumer = this.#create(crash);
    const reading = Promise.withResolvers<void>();
    reading.promise.catch(() => undefined);
    void firstFetch(consumer).then(reading.resolve);
    consumer.on(consumer.events.GROUP_JOIN, () => {
      this.#seek(consumer);
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      reading.reject(error);
      if (this.#consumer === consumer) this.#onCrash(crash.retryable, error);
    });
    this.#listen(consumer);
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => passOn(payload, this.#options),
      });
      await reading.promise;
      for (const right of this.#rights) this.#bus.rights.granted(right);
      return consumer;
    } catch (error) {
      await consumer.disconnect().catch(() => undefined);
      throw this.#bus.rights.explain(error, this.#rights);
    }
  }

  /** With a new group each time: the old group would wait for its former member until the session ends. */
  #create(crash: { retryable: boolean }): Consumer {
    const { topic, partitions, onReset } = this.#options;
    return this.#bus.client().consumer({
      groupId: `${this.#bus.clientId}.follower.${randomUUID()}`,
      allowAutoTopicCreation: false,
      // An open transaction must not stop the topic for its readers.
      readUncommitted: true,
      maxWaitTimeInMs: 250,
      sessionTimeout: 30_000,
      heartbeatInterval: 3_000,
      retry: {
        retries: 3,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        // kafkajs calls this for transient errors only. The consumer is replaced instead of restarted.
        restartOnFailure: async () => {
          crash.retryable = true;
          return false;
        },
      },
      partitionAssigners: [
        observeConsumer(pinnedAssigner(topic, partitions), { onReset: (reset) => onReset?.(reset) }),
      ],
    });
  }

  #seek(consumer: Consumer): void {
    const { topic } = this.#options;
    for (const [partition, offset] of this.#positions) consumer.seek({ topic, partition, offset: String(offset) });
    this.#pausedAtJoin = this.#paused;
    if (this.#paused) consumer.pause([{ topic }]);
  }

  #listen(consumer: Consumer): void {
    consumer.on(consumer.events.FETCH, () => this.#stall.fetched());
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
      this.#positions.set(partition, BigInt(lastOffset) + 1n);
      this.#options.onProgress?.(partition, BigInt(lastOffset) + 1n);
    });
    this.#restartQuietCount = noticeQuiet(consumer, () => this.#options.onQuiet?.());
  }

  #onCrash(retryable: boolean, error: Error): void {
    const { topic, onFatal } = this.#options;
    const explained = this.#bus.rights.explain(error, this.#rights);
    if (explained instanceof RightMissing) this.#bus.rights.refused(explained);
    if (retryable || explained instanceof RightMissing) this.#reopen();
    else onFatal(new ConsumerDead(`following ${topic} failed: ${error.message}`, { cause: error }));
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
    let pauseMs = REOPEN_PAUSE_MS;
    while (!this.#closed && this.#consumer === undefined) {
      try {
        this.#use(await this.#open());
      } catch (error) {
        this.#stall.fetched();
        if (error instanceof RightMissing) this.#bus.rights.refused(error);
        this.#bus.log('warn', 'follower reconnect failed', { topic: this.#options.topic, error: messageOf(error) });
        await this.#pauseReopening(pauseMs);
        if (error instanceof RightMissing) pauseMs = Math.min(2 * pauseMs, REOPEN_LAST_MS);
      }
    }
  }

  async #pauseReopening(ms: number): Promise<void> {
    await endsWithin(ms, this.#closing.promise);
  }
}

const STALL_MS = 30_000;
const REOPEN_PAUSE_MS = 250;
const REOPEN_LAST_MS = 10_000;

function passOn(
  { batch, resolveOffset }: EachBatchPayload,
  { onRecord, onUndecoded = refuseUndecoded }: FollowerOptions,
): void {
  for (const message of batch.messages) {
    const codec = undecodedCodecOf(message);
    if (codec === undefined) onRecord(fromMessage(batch.topic, batch.partition, message));
    else onUndecoded(codec, batch.partition, message.offset);
  }
  resolveOffset(batch.lastOffset());
}

/**
 * Replaces manual assignment, which kafkajs does not have: assigns given partitions to the one member of a one-off group.
 *
 * @param wanted the partitions; undefined: all partitions of the topic at the time of the join
 */
function pinnedAssigner(topic: string, wanted: readonly number[] | undefined): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'pinned',
    version: 0,
    assign: async ({ members }) => {
      const partitions = wanted ?? cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      const memberAssignment = AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment: { [topic]: [...partitions] },
        userData: Buffer.alloc(0),
      });
      return members.map(({ memberId }) => ({ memberId, memberAssignment }));
    },
    protocol: ({ topics }) => ({
      name: 'pinned',
      metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
    }),
  });
}

/** kafkajs ends a consumer for good by this error. */
const refuseUndecoded: NonNullable<FollowerOptions['onUndecoded']> = (codec, partition, offset) => {
  throw new BatchUndecodable(
    `partition ${partition} has a batch up to offset ${offset} that cannot be decoded (codec ${codec})`,
  );
};

class BatchUndecodable extends Error {
  override readonly name = 'KafkaJSNotImplemented';
}
