import type { UserId } from '@vault-engine/model';
import { type StateRecord, supersedes, Tombstones } from './read-state.ts';
import { digestOf } from './status-over-time.ts';

/** The topic's state of a user, reduced to what a comparison with the store needs. */
export type Mark =
  | { readonly kind: 'snapshot'; readonly revision: number; readonly digest: number }
  | { readonly kind: 'tombstone'; readonly revision: number };

/** The effect of a record on the state before it. */
export type LogPosition =
  | 'newest'
  /** Readers ignore the record, but compaction would keep it: it buries the newest one, which must be republished. */
  | 'buries'
  | 'stray';

/**
 * The state that readers of the topic have reached: per user the highest revision, a digest, and whether the record is
 * buried. A record is buried if the last record of its key is one that readers ignore. Takes about 270 bytes of memory
 * for a user whose id is a UUID (measured at 100,000 users).
 */
export class StateMarks {
  readonly #snapshots = new Map<UserId, { readonly revision: number; readonly digest: number }>();
  readonly #tombstones = new Tombstones();
  /** Records that the broker acknowledged and that have not been read back yet. */
  readonly #ahead = new Map<UserId, Mark>();
  /** Users whose newest record is buried. */
  readonly #buried = new Set<UserId>();
  readonly #now: () => number;

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The number of users with a snapshot on the topic. */
  get size(): number {
    return this.#snapshots.size;
  }

  /** The users with a snapshot on the topic, including those added during the iteration. */
  users(): Iterable<UserId> {
    return this.#snapshots.keys();
  }

  buried(): ReadonlySet<UserId> {
    return this.#buried;
  }

  get(user: UserId): Mark | undefined {
    const read = this.#read(user);
    const ahead = this.#ahead.get(user);
    return ahead !== undefined && supersedes(ahead.revision, read?.revision) ? ahead : read;
  }

  /** Applies the next record of the log. */
  take(record: StateRecord): LogPosition {
    if (record.kind === 'stray') return 'stray';
    const { user } = record;
    if (record.kind === 'unreadable' || !supersedes(record.revision, this.#read(user)?.revision)) {
      this.#buried.add(user);
      return 'buries';
    }
    this.#buried.delete(user);
    if (supersedes(record.revision, this.#ahead.get(user)?.revision)) this.#ahead.delete(user);
    this.#write(user, markOf(record));
    return 'newest';
  }

  /** Notes an acknowledged record, before it is read back. */
  acknowledged(user: UserId, mark: Mark): void {
    if (supersedes(mark.revision, this.#read(user)?.revision)) this.#ahead.set(user, mark);
  }

  /** Forgets everything: the topic was recreated. */
  clear(): void {
    this.#snapshots.clear();
    this.#tombstones.clear();
    this.#ahead.clear();
    this.#buried.clear();
  }

  #read(user: UserId): Mark | undefined {
    const snapshot = this.#snapshots.get(user);
    if (snapshot !== undefined) return { kind: 'snapshot', ...snapshot };
    const revision = this.#tombstones.get(user);
    return revision === undefined ? undefined : { kind: 'tombstone', revision };
  }

  #write(user: UserId, mark: Mark): void {
    if (mark.kind === 'snapshot') {
      this.#tombstones.delete(user);
      this.#snapshots.set(user, { revision: mark.revision, digest: mark.digest });
    } else {
      this.#snapshots.delete(user);
      this.#tombstones.set(user, mark.revision, this.#now());
    }
  }
}

const markOf = (record: Extract<StateRecord, { revision: number }>): Mark =>
  record.kind === 'snapshot'
    ? { kind: 'snapshot', revision: record.revision, digest: digestOf(record.state) }
    : { kind: 'tombstone', revision: record.revision };
