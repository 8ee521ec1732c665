/** The place that an entry was taken from, or the row that it is about. */
export type QuarantineKind =
  /** A pending transition that does not parse. It was moved out of its stream. */
  | 'pending'
  /** A member of the due index that does not parse. It was moved out of the index. */
  | 'due'
  /** A user's row or record that does not parse. It stays in place; its due entry was moved out of the index. */
  | 'user'
  | 'record';

/** One quarantined entry. It holds no token: pending transitions, due times and names are all in the clear. */
export interface QuarantineEntry {
  /** Shard, kind and a digest, e.g. `07.due.5f1e…`. */
  readonly id: string;
  readonly kind: QuarantineKind;
  /** Why it does not parse. Holds no value of the entry. */
  readonly reason: string;
  /** Unix milliseconds. */
  readonly quarantinedAt: number;
  /** `pending`: names and values of the stream entry in turn. `due`: the member. Otherwise empty. */
  readonly content: readonly Buffer[];
  /** The member that was moved out of the due index; null: none. */
  readonly dueMember: Buffer | null;
  /** The score of `dueMember`, Unix milliseconds; null: no member was moved. */
  readonly dueAt: number | null;
}

/**
 * Stored entries that this library can't have written, moved aside so that recovery and the scheduler go on. Every method rejects
 * with `PortUnavailable` (`storage`) after bounded retries.
 */
export interface Quarantine {
  /** Up to `limit` entries, oldest first. */
  list(limit: number): Promise<readonly QuarantineEntry[]>;
  /** The entry; null: no entry has this id. */
  find(id: string): Promise<QuarantineEntry | null>;
  /** Deletes an entry for good. A broken row itself is not deleted. False: no entry has this id. */
  discard(id: string): Promise<boolean>;
  /**
   * Puts an entry back in its place: a transition becomes pending again, a member is due again. If it still does not parse, it returns
   * to the quarantine at the next look. False: no entry has this id.
   */
  retry(id: string): Promise<boolean>;
}

/** An entry that was moved to the quarantine, for a log and a metric. */
export type OnQuarantined = (entry: Pick<QuarantineEntry, 'id' | 'kind' | 'reason'>) => void;
