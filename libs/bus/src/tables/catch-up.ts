import type { Consumer } from 'kafkajs';

/** Resolves when a reader has reached the end offsets that were read at its start. */
export class CatchUp {
  readonly #ends: Map<number, bigint>;
  readonly #done = Promise.withResolvers<void>();

  /** @param ends by partition, the offset to reach; empty partitions are left out */
  constructor(ends: ReadonlyMap<number, bigint>) {
    this.#ends = new Map(ends);
    if (this.#ends.size === 0) this.#done.resolve();
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  reached(partition: number, next: bigint): void {
    const end = this.#ends.get(partition);
    if (end === undefined || next < end) return;
    this.#ends.delete(partition);
    if (this.#ends.size === 0) this.#done.resolve();
  }

  /** No further records follow, so the missing offsets do not exist. */
  quiet(): void {
    this.#done.resolve();
  }

  fail(error: Error): void {
    this.#done.reject(error);
  }
}

/**
 * Calls `onQuiet` when every broker has answered some fetches in a row without a batch. The last record of a log can be below
 * its high watermark, where compaction removed later ones; then this is how its end is found.
 *
 * @returns a function that restarts the count
 */
export function noticeQuiet(consumer: Consumer, onQuiet: () => void): () => void {
  const emptyFetches = new Map<number, number>();
  const restart = () => {
    for (const node of emptyFetches.keys()) emptyFetches.set(node, 0);
  };
  consumer.on(consumer.events.GROUP_JOIN, restart);
  consumer.on(consumer.events.START_BATCH_PROCESS, restart);
  consumer.on(consumer.events.FETCH_START, ({ payload }) => {
    if (!emptyFetches.has(payload.nodeId)) emptyFetches.set(payload.nodeId, 0);
  });
  consumer.on(consumer.events.FETCH, ({ payload: { nodeId } }) => {
    emptyFetches.set(nodeId, (emptyFetches.get(nodeId) ?? 0) + 1);
    if (Math.min(...emptyFetches.values()) >= EMPTY_FETCHES) onQuiet();
  });
  return restart;
}

/** A fetch is counted before its batches arrive, and one in flight at a resume still leaves paused partitions out. */
const EMPTY_FETCHES = 4;
