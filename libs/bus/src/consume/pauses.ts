import type { Consumer } from 'kafkajs';

/** The part of a consumer that pauses. */
export type PausableConsumer = Pick<Consumer, 'pause' | 'resume'>;

/**
 * The paused partitions: all while any reason is set, and each that is overloaded. kafkajs keeps pauses through a rebalance,
 * also for partitions that were revoked and assigned again, and loses them when it restarts. So they are derived again at each
 * assignment.
 */
export class Pauses {
  readonly #consumer: PausableConsumer;
  readonly #reasons = new Set<string>();
  readonly #overloaded = new Set<string>();
  /** The state last set in kafkajs; undefined while the consumer is not in its group and cannot pause. */
  #applied:
    | Map<string, { readonly topic: string; readonly partition: number; paused: boolean | undefined }>
    | undefined;

  constructor(consumer: PausableConsumer) {
    this.#consumer = consumer;
  }

  get reasons(): readonly string[] {
    return [...this.#reasons];
  }

  pauseAll(reason: string): void {
    this.#reasons.add(reason);
    this.#applyAll();
  }

  resumeAll(reason: string): void {
    this.#reasons.delete(reason);
    this.#applyAll();
  }

  setOverloaded(topic: string, partition: number, overloaded: boolean): void {
    const key = keyOf(topic, partition);
    if (overloaded) this.#overloaded.add(key);
    else this.#overloaded.delete(key);
    this.#apply(key);
  }

  /** A new assignment. */
  joined(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.#applied = new Map(
      Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => [keyOf(topic, partition), { topic, partition, paused: undefined }]),
      ),
    );
    this.#applyAll();
  }

  /** The consumer has left its group. */
  left(): void {
    this.#applied = undefined;
  }

  #applyAll(): void {
    for (const key of this.#applied?.keys() ?? []) this.#apply(key);
  }

  #apply(key: string): void {
    const applied = this.#applied?.get(key);
    const paused = this.#reasons.size > 0 || this.#overloaded.has(key);
    if (applied === undefined || applied.paused === paused) return;
    applied.paused = paused;
    const at = [{ topic: applied.topic, partitions: [applied.partition] }];
    if (paused) this.#consumer.pause(at);
    else this.#consumer.resume(at);
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
