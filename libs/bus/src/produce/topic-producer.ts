import type { Message, Producer } from 'kafkajs';
import type { Bus } from '../bus.ts';
import { CompressionTypes } from '../kafkajs/kafkajs.ts';
import type { Headers } from '../record.ts';

/** A message without its topic and partition. */
export interface Payload {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
}

/** The response has no entry for the partition: the producer's metadata does not know it, and nothing was written. */
export class PartitionUnanswered extends Error {
  override readonly name = 'PartitionUnanswered';
}

/**
 * The kafkajs producer of one topic. Each topic has its own: once a producer knows a topic that is deleted later, all its
 * sends fail, also those to other topics.
 */
export class TopicProducer {
  readonly #bus: Bus;
  readonly #topic: string;
  readonly #compression: 'gzip' | 'none';
  #current: Promise<Producer> | undefined;

  constructor(bus: Bus, topic: string, compression: 'gzip' | 'none') {
    this.#bus = bus;
    this.#topic = topic;
    this.#compression = compression;
  }

  /**
   * Writes the payloads, in their order, to one partition, acknowledged by all in-sync replicas. One attempt.
   *
   * @returns the offset of the first payload
   * @throws {PartitionUnanswered} where kafkajs resolved without an entry for the partition
   */
  async write(partition: number, payloads: readonly Payload[]): Promise<bigint> {
    const producer = await this.#connected();
    const answers = await producer.send({
      topic: this.#topic,
      acks: -1,
      timeout: this.#bus.requestTimeoutMs,
      compression: this.#compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
      messages: ofOnePartition(partition, payloads),
    });
    const base = answers.length === 1 && answers[0]?.partition === partition ? answers[0].baseOffset : undefined;
    if (base === undefined) throw new PartitionUnanswered(`the response has no entry for ${this.#topic}/${partition}`);
    return BigInt(base);
  }

  /** Gives the producer up at once. The next write creates another. */
  discard(): void {
    const old = this.#current;
    this.#current = undefined;
    old?.then((producer) => producer.disconnect()).catch(() => undefined);
  }

  async close(): Promise<void> {
    const old = this.#current;
    this.#current = undefined;
    await old?.then((producer) => producer.disconnect()).catch(() => undefined);
  }

  #connected(): Promise<Producer> {
    this.#current ??= this.#connect();
    return this.#current;
  }

  async #connect(): Promise<Producer> {
    const producer = this.#bus.client(1).producer({
      idempotent: false,
      allowAutoTopicCreation: false,
      retry: { retries: 0 },
      createPartitioner: () => givenPartition,
    });
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }
}

/**
 * The messages in the form that kafkajs expects. kafkajs groups messages by partition with `reduce`, and copies the group for
 * each further message: 512 messages cost 130,000 copies. This array's `reduce` returns one group at once.
 */
export function ofOnePartition(partition: number, payloads: readonly Payload[]): Message[] {
  const messages: Message[] = payloads.map(({ key, value, headers }) => ({ key, value, headers, partition }));
  return Object.assign(messages, { reduce: () => ({ [partition]: messages }) });
}

/** The partition was chosen before the message was queued. */
function givenPartition({ message }: { message: { partition?: number } }): number {
  if (message.partition === undefined) throw new Error('a message has no partition');
  return message.partition;
}
