import type { CommitLedger } from './commit-ledger.ts';

/** An offset to commit for a partition. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Sends a commit; resolves when the broker has taken it. */
export type SendCommit = (positions: readonly Position[]) => Promise<void>;

/** A partition and how far it is. */
export interface LedgerAt {
  readonly topic: string;
  readonly partition: number;
  readonly ledger: CommitLedger;
}

/**
 * Commits what is finished: beside the fetches, one request at a time, and only within the assignment that delivered it.
 * The broker takes a late commit for a partition that has gone to someone else; so the fence stands here.
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

  /** Closes the epoch: nothing is committed until the next delivery brings a way to do it. */
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

  /** Goes on after {@link suspend}, where the epoch was not closed meanwhile. */
  resume(): void {
    this.#send ??= this.#suspended;
    this.#suspended = undefined;
  }

  /** The way to commit in this epoch; comes with what it delivers. */
  use(send: SendCommit): void {
    this.#send = send;
  }

  /** Commits once what is due. Never throws: what was not committed is due again. */
  commit(): Promise<void> {
    this.#running ??= this.#commit().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Waits for the commit under way and commits what is due then; again where it fails. Answers whether all is committed. */
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

  #due(): readonly (LedgerAt & Position)[] {
    const due: (LedgerAt & Position)[] = [];
    for (const at of this.#owned()) {
      const offset = at.ledger.due();
      if (offset !== null) due.push({ ...at, offset });
    }
    return due;
  }
}

const FINAL_ATTEMPTS = 3;
