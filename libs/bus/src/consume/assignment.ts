import { CommitLedger } from './commit-ledger.ts';

/** One partition of the group's topics, with this process's work on it. */
export interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly ledger: CommitLedger;
  unfinished: number;
  unfinishedBytes: number;
  /** The high watermark in the last fetch response. */
  highWatermark: bigint;
}

/** The progress of one assigned partition. */
export interface PartitionStats {
  readonly topic: string;
  readonly partition: number;
  /** Records that have arrived and are not finished. */
  readonly unfinished: number;
  /** The difference between the high watermark as last fetched and the offset to commit. */
  readonly lag: number;
  /** Age in ms of the oldest uncommitted record; null: all are committed. */
  readonly oldestUncommittedMs: number | null;
}

/** The partitions assigned to this member, and earlier ones while work on their records continues. */
export class Assignment {
  readonly #states = new Map<string, PartitionState>();
  #owned: readonly PartitionState[] = [];

  /** Applies a new assignment: starts an epoch in each partition. */
  join(assignment: Readonly<Record<string, readonly number[]>>): void {
    const owned = new Set(
      Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => this.#stateOf(topic, partition)),
      ),
    );
    for (const state of owned) state.ledger.open();
    for (const [key, state] of this.#states) {
      if (owned.has(state)) continue;
      state.ledger.release();
      if (state.ledger.size === 0) this.#states.delete(key);
    }
    this.#owned = [...owned];
  }

  get owned(): readonly PartitionState[] {
    return this.#owned;
  }

  /** undefined: not assigned. */
  find(topic: string, partition: number): PartitionState | undefined {
    return this.#owned.find((state) => state.topic === topic && state.partition === partition);
  }

  stats(now: number): readonly PartitionStats[] {
    return this.#owned.map(({ topic, partition, ledger, unfinished, highWatermark }) => {
      const position = ledger.due() ?? ledger.position();
      const oldest = ledger.oldest();
      return {
        topic,
        partition,
        unfinished,
        lag: position === null ? 0 : Math.max(0, Number(highWatermark - position)),
        oldestUncommittedMs: oldest === null ? null : Math.max(0, now - oldest),
      };
    });
  }

  #stateOf(topic: string, partition: number): PartitionState {
    const key = `${topic}/${partition}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state = {
      topic,
      partition,
      ledger: new CommitLedger(),
      unfinished: 0,
      unfinishedBytes: 0,
      highWatermark: 0n,
    };
    this.#states.set(key, state);
    return state;
  }
}
