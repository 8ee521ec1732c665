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
  /** Paused because of its unfinished records. */
  overloaded: boolean;
  /** The last fetch without records, as text: most repeat it. */
  emptyFetch: string;
  /** The position and the offset to commit, when they were last compared. */
  seen: Progress;
  /** When one of them last advanced, or the log's end was reached, Unix ms. */
  advancedAt: number;
}

interface Progress {
  readonly next: bigint | null;
  readonly position: bigint | null;
}

/** The progress of one assigned partition. */
export interface PartitionStats {
  readonly topic: string;
  readonly partition: number;
  /** Records that have arrived and are not finished. */
  readonly unfinished: number;
  /** The offset to commit: all records below it are finished. null: nothing was fetched since the assignment. */
  readonly position: bigint | null;
  /** The log's end in the last fetch response. */
  readonly highWatermark: bigint;
  /** The difference between the log's end and the position; null: nothing was fetched since the assignment. */
  readonly lag: number | null;
  /** Age in ms of the oldest uncommitted record; null: all are committed. Unread records count from when the log's end was seen. */
  readonly oldestUncommittedMs: number | null;
  /** Paused because of its unfinished records. */
  readonly overloaded: boolean;
  /**
   * For so long, in ms, neither reading nor committing has advanced although there was more to do: the log has unread records, or
   * the partition is overloaded.
   */
  readonly stalledMs: number;
}

/** The partitions assigned to this member, and earlier ones while work on their records continues. */
export class Assignment {
  readonly #states = new Map<string, PartitionState>();
  #owned: readonly PartitionState[] = [];

  /** Applies a new assignment: starts an epoch in each partition. */
  join(assignment: Readonly<Record<string, readonly number[]>>, now: number): void {
    const owned = new Set(
      Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => this.#stateOf(topic, partition)),
      ),
    );
    for (const state of owned) {
      state.ledger.open();
      state.emptyFetch = '';
      state.advancedAt = now;
    }
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

  /** Compares each partition's progress with that of the last call. */
  compare(now: number): void {
    for (const state of this.#owned) {
      const { ledger, seen } = state;
      const progress = { next: ledger.next, position: ledger.position() };
      if (hasMore(state) && progress.next === seen.next && progress.position === seen.position) continue;
      state.advancedAt = now;
      state.seen = progress;
    }
  }

  stats(now: number): readonly PartitionStats[] {
    this.compare(now);
    return this.#owned.map((state) => {
      const { topic, partition, ledger, unfinished, highWatermark, overloaded, advancedAt } = state;
      const position = ledger.position();
      const oldest = ledger.oldest();
      const stalledMs = hasMore(state) ? Math.max(0, now - advancedAt) : 0;
      return {
        topic,
        partition,
        unfinished,
        position,
        highWatermark,
        lag: position === null ? null : Math.max(0, Number(highWatermark - position)),
        oldestUncommittedMs: oldest === null ? (hasMore(state) ? stalledMs : null) : Math.max(0, now - oldest),
        overloaded,
        stalledMs,
      };
    });
  }

  #stateOf(topic: string, partition: number): PartitionState {
    const key = `${topic}/${partition}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state: PartitionState = {
      topic,
      partition,
      ledger: new CommitLedger(),
      unfinished: 0,
      unfinishedBytes: 0,
      highWatermark: 0n,
      overloaded: false,
      emptyFetch: '',
      seen: { next: null, position: null },
      advancedAt: 0,
    };
    this.#states.set(key, state);
    return state;
  }
}

/** Whether there is more to read, as far as the last fetch shows: a paused partition is not fetched. */
const hasMore = ({ ledger, highWatermark, overloaded }: PartitionState): boolean =>
  overloaded || ledger.next === null || ledger.next < highWatermark;
