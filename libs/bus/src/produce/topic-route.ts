import type { Bus } from '../bus.ts';
import { messageOf } from '../errors.ts';
import { RightMissing, refusedResourceOf } from '../rights.ts';
import { partitionCount } from '../topics.ts';
import { partitionOf } from './murmur2.ts';
import { PartitionQueue, type QueueLimits, type Waiting } from './partition-queue.ts';
import { PublishFailed } from './publish-failed.ts';
import { TopicProducer } from './topic-producer.ts';

/** The settings of a route. */
export interface RouteOptions extends QueueLimits {
  readonly compression: 'gzip' | 'none';
  /** Called when a queue has messages to send. */
  readonly filled: (queue: PartitionQueue) => void;
}

/** Routes the messages of one topic to the queues of their partitions. */
export class TopicRoute {
  readonly #bus: Bus;
  readonly #topic: string;
  readonly #options: RouteOptions;
  readonly #producer: TopicProducer;
  readonly #queues = new Map<number, PartitionQueue>();
  /** null: the topic does not exist. */
  #partitions: number | null | undefined;
  #lookedUpAt = 0;
  #lookup: Promise<void> | undefined;
  /** Submitted before the number of partitions was known, in order. */
  #unrouted: Waiting[] = [];

  constructor(bus: Bus, topic: string, options: RouteOptions) {
    this.#bus = bus;
    this.#topic = topic;
    this.#options = options;
    this.#producer = new TopicProducer(bus, topic, options.compression);
  }

  submit(message: Waiting): void {
    const age = Date.now() - this.#lookedUpAt;
    if (this.#partitions === undefined || (age > ABSENCE_FRESH_MS && !this.#hasPartition(message.wanted))) {
      this.#unrouted.push(message);
      this.#lookUp();
      return;
    }
    if (age > COUNT_FRESH_MS) this.#lookUp();
    this.#enqueue(message, this.#partitions);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.flush()));
    await this.#producer.close();
  }

  #hasPartition(wanted: number | undefined): boolean {
    return typeof this.#partitions === 'number' && (wanted === undefined || wanted < this.#partitions);
  }

  #enqueue(message: Waiting, partitions: number | null): void {
    const partition = message.wanted ?? defaultPartition(message.key, partitions);
    if (partitions === null) message.settle(new PublishFailed('unknown_topic', this.#topic));
    else if (partition >= partitions) message.settle(new PublishFailed('no_such_partition', this.#topic));
    else this.#fill(this.#queueOf(partition), message);
  }

  #fill(queue: PartitionQueue, message: Waiting): void {
    queue.push(message);
    this.#options.filled(queue);
  }

  #queueOf(partition: number): PartitionQueue {
    const known = this.#queues.get(partition);
    if (known !== undefined) return known;
    const queue = new PartitionQueue({
      ...this.#options,
      topic: this.#topic,
      partition,
      write: async (payloads) => {
        const offset = await this.#producer.write(partition, payloads);
        this.#bus.rights.granted({ operation: 'WRITE', resource: 'topic', name: this.#topic });
        return offset;
      },
      refused: (error) =>
        refusedResourceOf(error) === 'topic' ? this.#bus.rights.writeRefused(this.#topic, error, Date.now()) : error,
      rebuild: () => this.#rebuild(partition),
      abandon: () => this.#producer.discard(),
    });
    this.#queues.set(partition, queue);
    return queue;
  }

  /** One lookup at a time. Waiting messages are queued in the same step that stores the result, so order holds. */
  #lookUp(): void {
    this.#lookup ??= this.#lookUpUntilKnown().finally(() => {
      this.#lookup = undefined;
    });
  }

  async #lookUpUntilKnown(): Promise<void> {
    do {
      try {
        return this.#store(await partitionCount(this.#bus, this.#topic));
      } catch (error) {
        if (error instanceof RightMissing) return this.#refuse(error);
        this.#bus.log('warn', 'partition lookup failed', { topic: this.#topic, error: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, LOOKUP_PAUSE_MS));
        this.#unrouted = this.#unrouted.filter((message) => message.deadline > Date.now());
      }
    } while (this.#unrouted.length > 0);
  }

  /** The topic may not even be described: nothing can be written. */
  #refuse(cause: RightMissing): void {
    const error = this.#bus.rights.writeRefused(this.#topic, cause, Date.now());
    const unrouted = this.#unrouted;
    this.#unrouted = [];
    for (const message of unrouted) message.settle(new PublishFailed('refused', this.#topic, { cause: error }));
  }

  #store(partitions: number | null): void {
    this.#partitions = partitions;
    this.#lookedUpAt = Date.now();
    const unrouted = this.#unrouted;
    this.#unrouted = [];
    for (const message of unrouted) this.#enqueue(message, partitions);
  }

  /** While the brokers do not respond, the partition counts as existing: the next attempt decides. */
  async #rebuild(partition: number): Promise<'exists' | 'unknown_topic' | 'no_such_partition'> {
    this.#producer.discard();
    this.#lookUp();
    await this.#lookup?.catch(() => undefined);
    if (this.#partitions === null) return 'unknown_topic';
    return this.#partitions === undefined || partition < this.#partitions ? 'exists' : 'no_such_partition';
  }
}

function defaultPartition(key: Buffer | null, partitions: number | null): number {
  return key === null || partitions === null ? 0 : partitionOf(key, partitions);
}

/** A known number of partitions is looked up again after this, beside the traffic. */
const COUNT_FRESH_MS = 300_000;
/** A missing topic or partition is looked up again after this, so that wrong addresses cost the brokers one lookup a second. */
const ABSENCE_FRESH_MS = 1_000;
const LOOKUP_PAUSE_MS = 200;
