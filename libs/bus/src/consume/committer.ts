import type { CommitLedger } from './commit-ledger.ts';

/** An offset to commit for a partition. */
export interface OffsetToCommit {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Sends a commit; resolves when the coordinator has acknowledged it. */
export type SendCommit = (positions: readonly OffsetToCommit[]) => Promise<void>;

/** A partition with its ledger. */
export interface LedgerAt {
  readonly topic: string;
  readonly partition: number;
  readonly ledger: CommitLedger;
}

/**
 * Commits finished records: beside the fetches, one request at a time, and only within the assignment that delivered them.
 * The coordinator accepts a late commit for a partition that was revoked, so the fence is here.
 */
export class Committer {
  readonly #owned: () => Iterable<LedgerAt>;
  readonly #onError: (error: unknown) => void;
  #send: SendCommit | undefined;
  #suspended: SendCommit | undefined;
  #epoch = 0;
  #running: Promise<void> | undefined;

  constructor(owned: () => Iterable<LedgerAt>, onError: (error: unknown) => void) {
    this.#owned = owned;
    this.#onError = onError;
  }

  /** Ends the epoch: nothing is committed until {@link use}. */
  close(): void {
    this.#epoch += 1;
    this.#send = undefined;
    this.#suspended = undefined;
  }

  /** Commits nothing until {@link resume}, or {@link use} in another epoch. */
  suspend(): void {
    const send = this.#send ?? this.#suspended;
    this.close();
    this.#suspended = send;
  }

  /** Continues after {@link suspend}, if the epoch was not closed meanwhile. */
  resume(): void {
    this.#send ??= this.#suspended;
    this.#suspended = undefined;
  }

  /** Sets how to commit in this epoch. kafkajs gives it with each fetch. */
  use(send: SendCommit): void {
    this.#send = send;
  }

  /** {@link use}, unless the committer has a way to commit or is suspended. */
  useFirst(send: SendCommit): void {
    if (this.#suspended === undefined) this.#send ??= send;
  }

  /** Commits once. Never throws: after a failure the same offsets stay due. */
  commit(): Promise<void> {
    this.#running ??= this.#commit().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Waits for the commit in progress, then commits the rest, with retries. Returns whether everything is committed. */
  async finish(): Promise<boolean> {
    for (let attempt = 0; attempt < FINAL_ATTEMPTS; attempt += 1) {
      await this.#running;
      await this.commit();
      if (this.#due().length === 0) return true;
    }
    return false;
  }

  async #commit(): Promise<void> {
    const due = this.#due();
    const epoch = this.#epoch;
    if (due.length === 0 || this.#send === undefined) return;
    try {
      await this.#send(due.map(({ topic, partition, offset }) => ({ topic, partition, offset })));
      if (epoch === this.#epoch) for (const { ledger, offset } of due) ledger.committed(offset);
    } catch (error) {
      this.#onError(error);
    }
  }

  #due(): readonly (LedgerAt & OffsetToCommit)[] {
    const due: (LedgerAt & OffsetToCommit)[] = [];
    for (const at of this.#owned()) {
      const offset = at.ledger.due();
      if (offset !== null) due.push({ ...at, offset });
    }
    return due;
  }
}

const FINAL_ATTEMPTS = 3;
