import type { Bus } from '../bus.ts';
import { type Headers, sizeOf } from '../record.ts';
import { IndexedPool } from '../short-lived-map.ts';
import type { PartitionQueue, Published, QueueLimits, Waiting } from './partition-queue.ts';
import { PublishFailed } from './publish-failed.ts';
import { TopicRoute } from './topic-route.ts';

/** A message to publish. */
export interface Outgoing {
  readonly topic: string;
  readonly key: Buffer | null;
  /** null writes a tombstone. */
  readonly value: Buffer | null;
  readonly headers?: Headers;
  /** Default: the choice of Java's partitioner for the key; without a key, partition 0. */
  readonly partition?: number;
}

export interface PublisherOptions extends Partial<QueueLimits> {
  /** Time limit from `send` to its result, in ms. Default 8000. */
  readonly sendTimeoutMs?: number;
  /** Default: none. */
  readonly compression?: 'gzip' | 'none';
  /** Maximum bytes of waiting messages; beyond it `send` fails with `queue_full`. Default 64 MiB. */
  readonly maxWaitingBytes?: number;
}

/** Sends messages. Use one publisher for each kind of traffic, so that one kind does not wait in another's queues. */
export interface Publisher {
  /**
   * Resolves when all in-sync replicas have the message. Messages of one partition keep the order of the calls. At least
   * once: after a lost acknowledgement the message is written again.
   *
   * @throws {PublishFailed}
   */
  send(message: Outgoing): Promise<Published>;
  /** The number of messages without a result yet. */
  waiting(): number;
  /** Refuses further messages, waits for the results of the others, closes the connections. */
  close(): Promise<void>;
}

/** Creates a publisher. It connects at the first message. */
export function createPublisher(bus: Bus, options: PublisherOptions = {}): Publisher {
  return new GatheringPublisher(bus, {
    sendTimeoutMs: options.sendTimeoutMs ?? 8_000,
    attemptMs: options.attemptMs ?? bus.requestTimeoutMs + 3_000,
    compression: options.compression ?? 'none',
    maxBatchCount: options.maxBatchCount ?? 512,
    maxBatchBytes: options.maxBatchBytes ?? 192 * 1024,
    maxWaitingBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024,
  });
}

/**
 * Gathers the messages of one event-loop turn. Under load this fills batches without a linger; a single message is sent at once.
 */
class GatheringPublisher implements Publisher {
  readonly #bus: Bus;
  readonly #options: Required<PublisherOptions>;
  readonly #routes = new Map<string, TopicRoute>();
  readonly #unsettled = new IndexedPool<Waiting>();
  #filled = new Set<PartitionQueue>();
  #sweeper: NodeJS.Timeout | undefined;
  #waitingBytes = 0;
  #closing: (() => void) | 'no' = 'no';

  constructor(bus: Bus, options: Required<PublisherOptions>) {
    this.#bus = bus;
    this.#options = options;
  }

  send(outgoing: Outgoing): Promise<Published> {
    if (this.#closing !== 'no') return Promise.reject(new PublishFailed('closed', outgoing.topic));
    if (this.#waitingBytes >= this.#options.maxWaitingBytes) {
      return Promise.reject(new PublishFailed('queue_full', outgoing.topic));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Published>();
    const message = this.#waitFor(outgoing, (result) =>
      result instanceof PublishFailed ? reject(result) : resolve(result),
    );
    this.#routeOf(outgoing.topic).submit(message);
    return promise;
  }

  waiting(): number {
    return this.#unsettled.size;
  }

  async close(): Promise<void> {
    const drained = Promise.withResolvers<void>();
    this.#closing = drained.resolve;
    if (this.#unsettled.size === 0) drained.resolve();
    await drained.promise;
    clearInterval(this.#sweeper);
    await Promise.all([...this.#routes.values()].map((route) => route.close()));
  }

  #waitFor(outgoing: Outgoing, answer: (result: Published | PublishFailed) => void): Waiting {
    const bytes = sizeOf(outgoing);
    const message: Waiting = {
      topic: outgoing.topic,
      key: outgoing.key,
      value: outgoing.value,
      headers: outgoing.headers ?? {},
      wanted: outgoing.partition,
      deadline: Date.now() + this.#options.sendTimeoutMs,
      settle: (result) => {
        if (this.#unsettled.at(slot) !== message) return;
        this.#unsettled.take(slot);
        this.#waitingBytes -= bytes;
        answer(result);
        if (this.#closing !== 'no' && this.#unsettled.size === 0) this.#closing();
      },
    };
    const slot = this.#unsettled.put(message);
    this.#waitingBytes += bytes;
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS);
    return message;
  }

  #routeOf(topic: string): TopicRoute {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const route = new TopicRoute(this.#bus, topic, { ...this.#options, filled: (queue) => this.#gather(queue) });
    this.#routes.set(topic, route);
    return route;
  }

  #gather(queue: PartitionQueue): void {
    if (this.#filled.size === 0) setImmediate(() => this.#flush());
    this.#filled.add(queue);
  }

  #flush(): void {
    const filled = this.#filled;
    this.#filled = new Set();
    for (const queue of filled) void queue.flush();
  }

  /** Fails expired messages, in whatever queue they are. One in flight may still be written. */
  #sweep(): void {
    const now = Date.now();
    for (const message of this.#unsettled.values()) {
      if (message.deadline <= now) message.settle(new PublishFailed('timeout', message.topic));
    }
    if (this.#unsettled.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

const SWEEP_MS = 100;
