import type { Consumer } from 'kafkajs';

/** The consumer's two switches. */
export type PausableConsumer = Pick<Consumer, 'pause' | 'resume'>;

/**
 * Which partitions are paused: all, for as long as anyone has a reason, and single ones that hold too much. kafkajs keeps
 * pauses through a rebalance, also for partitions that went away and came back, and loses them when it starts again: so
 * all of them are derived anew at each assignment.
 */
export class Pauses {
  readonly #consumer: PausableConsumer;
  readonly #reasons = new Set<string>();
  readonly #held = new Set<string>();
  /** What kafkajs was told; undefined while it is not in its group, when it cannot be told anything. */
  #told: Map<string, { readonly topic: string; readonly partition: number; paused: boolean | undefined }> | undefined;

  constructor(consumer: PausableConsumer) {
    this.#consumer = consumer;
  }

  get reasons(): readonly string[] {
    return [...this.#reasons];
  }

  pauseAll(reason: string): void {
    this.#reasons.add(reason);
    this.#tellAll();
  }

  resumeAll(reason: string): void {
    this.#reasons.delete(reason);
    this.#tellAll();
  }

  isHeld(topic: string, partition: number): boolean {
    return this.#held.has(keyOf(topic, partition));
  }

  hold(topic: string, partition: number, held: boolean): void {
    const key = keyOf(topic, partition);
    if (held) this.#held.add(key);
    else this.#held.delete(key);
    this.#tell(key);
  }

  /** A new assignment. */
  joined(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.#told = new Map(
      Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => [keyOf(topic, partition), { topic, partition, paused: undefined }]),
      ),
    );
    this.#tellAll();
  }

  /** The consumer has left its group. */
  left(): void {
    this.#told = undefined;
  }

  #tellAll(): void {
    for (const key of this.#told?.keys() ?? []) this.#tell(key);
  }

  #tell(key: string): void {
    const told = this.#told?.get(key);
    const paused = this.#reasons.size > 0 || this.#held.has(key);
    if (told === undefined || told.paused === paused) return;
    told.paused = paused;
    const at = [{ topic: told.topic, partitions: [told.partition] }];
    if (paused) this.#consumer.pause(at);
    else this.#consumer.resume(at);
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
