import { Fifo } from '../fifo.ts';
import { sizeOf } from '../record.ts';
import { TimeLimitPassed, within } from '../time-limit.ts';
import { PublishFailed, remedyFor } from './publish-failed.ts';
import { PartitionUnanswered, type Payload } from './topic-producer.ts';

/** Where a message was written. */
export interface Published {
  readonly partition: number;
  readonly offset: bigint;
}

/** A message that waits for its acknowledgement. */
export interface Waiting extends Payload {
  readonly topic: string;
  /** The partition that the sender asked for. */
  readonly wanted: number | undefined;
  /** Unix ms; the sender waits no longer. */
  readonly deadline: number;
  readonly settle: (result: Published | PublishFailed) => void;
}

/** The limits of one write. */
export interface QueueLimits {
  /** Maximum number of messages in one write. Default 512. */
  readonly maxBatchCount: number;
  /** Maximum bytes in one write, before compression. Default 192 KiB. A batch that the topic refuses is halved. */
  readonly maxBatchBytes: number;
  /** Time limit of one write, in ms; after it the connection is given up too. Default: request timeout + 3000. */
  readonly attemptMs: number;
}

/** The dependencies of a queue. */
export interface QueueOptions extends QueueLimits {
  readonly topic: string;
  readonly partition: number;
  /** One attempt; see {@link TopicProducer.write}. */
  readonly write: (payloads: readonly Payload[]) => Promise<bigint>;
  /** Replaces the producer. Returns whether the partition still exists. */
  readonly rebuild: () => Promise<'exists' | 'unknown_topic' | 'no_such_partition'>;
  /** Reports a refused write. Returns the error to name as its cause. */
  readonly refused: (error: unknown) => unknown;
  /** Gives up a producer whose write did not end. */
  readonly abandon: () => void;
}

/**
 * The messages for one partition, in order, with one write in flight. So a retry never overtakes later messages, and a
 * partition that does not respond delays no other.
 */
export class PartitionQueue {
  readonly #options: QueueOptions;
  readonly #waiting = new Fifo<Waiting>();
  #draining: Promise<void> | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  push(message: Waiting): void {
    this.#waiting.push(message);
  }

  /** Sends all waiting messages, batch by batch. Joins a flush in progress. */
  flush(): Promise<void> {
    if (this.#waiting.length > 0) this.#draining ??= this.#drain();
    return this.#draining ?? Promise.resolve();
  }

  /** Ends in the same step that finds the queue empty, so no message is missed in between. */
  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#send(this.#nextBatch(), 0);
    this.#draining = undefined;
  }

  #nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      bytes += sizeOf(next);
      if (batch.length > 0 && (bytes > this.#options.maxBatchBytes || batch.length >= this.#options.maxBatchCount))
        break;
      batch.push(next);
      this.#waiting.shift();
    }
    return batch;
  }

  /** Repeats until the batch is acknowledged, refused or expired. */
  async #send(batch: readonly Waiting[], failures: number): Promise<void> {
    const live = this.#dropExpired(batch);
    if (live.length === 0) return;
    const attempt = await this.#attempt(live);
    if (attempt.ok) return this.#acknowledge(live, attempt.base);
    switch (attempt.remedy) {
      case 'refused':
        return this.#fail(
          live,
          new PublishFailed('refused', this.#options.topic, { cause: this.#options.refused(attempt.error) }),
        );
      case 'split':
        return this.#split(live, attempt.error);
      case 'rebuild':
        return this.#rebuild(live, failures);
      case 'retry':
        await pause(failures);
        return this.#send(live, failures + 1);
    }
  }

  async #attempt(batch: readonly Waiting[]) {
    try {
      return { ok: true as const, base: await within(this.#options.attemptMs, this.#options.write(batch)) };
    } catch (error) {
      if (error instanceof TimeLimitPassed) this.#options.abandon();
      const remedy = error instanceof PartitionUnanswered ? ('rebuild' as const) : remedyFor(error);
      return { ok: false as const, remedy, error };
    }
  }

  async #rebuild(batch: readonly Waiting[], failures: number): Promise<void> {
    const found = await this.#options.rebuild();
    if (found !== 'exists') return this.#fail(batch, new PublishFailed(found, this.#options.topic));
    await pause(failures);
    return this.#send(batch, failures + 1);
  }

  /** The broker's limit applies to the whole batch; only a single message can be too large by itself. */
  async #split(batch: readonly Waiting[], cause: unknown): Promise<void> {
    if (batch.length === 1) return this.#fail(batch, new PublishFailed('too_large', this.#options.topic, { cause }));
    const middle = batch.length >> 1;
    await this.#send(batch.slice(0, middle), 0);
    await this.#send(batch.slice(middle), 0);
  }

  #acknowledge(batch: readonly Waiting[], base: bigint): void {
    const { partition } = this.#options;
    batch.forEach((message, index) => {
      message.settle({ partition, offset: base + BigInt(index) });
    });
  }

  #fail(batch: readonly Waiting[], failure: PublishFailed): void {
    for (const message of batch) message.settle(failure);
  }

  #dropExpired(batch: readonly Waiting[]): readonly Waiting[] {
    const now = Date.now();
    if (batch.every((message) => message.deadline > now)) return batch;
    this.#fail(
      batch.filter((message) => message.deadline <= now),
      new PublishFailed('timeout', this.#options.topic),
    );
    return batch.filter((message) => message.deadline > now);
  }
}

/** Waits 50 ms, doubling up to 800 ms. */
function pause(failures: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50 * 2 ** Math.min(failures, 4)));
}
