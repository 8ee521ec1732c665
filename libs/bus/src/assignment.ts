import { CommitLedger } from './commit-ledger.ts';

/** One partition of the group's topics, and what this process holds of it. */
export interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly ledger: CommitLedger;
  unfinished: number;
  unfinishedBytes: number;
  /** The log's end, as the last fetch told it. */
  highWatermark: bigint;
}

/** How one partition stands. */
export interface PartitionStats {
  readonly topic: string;
  readonly partition: number;
  readonly unfinished: number;
  /** Records between the offset to commit and the log's end as last seen. */
  readonly lag: number;
  /** Age in ms of the oldest record that is not committed; null: none. */
  readonly oldestUncommittedMs: number | null;
}

/** The partitions that this member has now, and those that it had while work on them runs on. */
export class Assignment {
  readonly #states = new Map<string, PartitionState>();
  #owned: readonly PartitionState[] = [];

  /** A new epoch: what stays, comes and goes. */
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

  /** undefined: not ours. */
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
