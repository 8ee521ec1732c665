import { Fifo } from '../fifo.ts';
import type { BusRecord } from '../record.ts';

/** One delivered record, from its arrival until its offset is committed. */
export interface Entry {
  readonly offset: bigint;
  readonly timestamp: number;
  readonly valueLength: number;
  done: boolean;
  /** The epoch that delivered it last. */
  epoch: number;
}

/** Whether a delivered record has to run. */
export type DeliveryResult =
  | { readonly kind: 'new'; readonly entry: Entry }
  /** It is running, or finished and not committed yet: nothing to do. */
  | { readonly kind: 'known' };

/**
 * The records in progress of one partition, and the offset to commit: the lowest offset that is not finished.
 *
 * An *epoch* is the time between two assignments. In each epoch the broker delivers again from the committed offset. Entries of
 * earlier epochs are kept by offset, so that a redelivered record finds its running or finished work. Nothing is committed in
 * an epoch before its first fetch: only the fetch shows that no other member has committed further in the meantime.
 *
 * The offset to commit is the position, as in Java's client: it advances past control records and empty batches, and each
 * epoch commits it once, also where nothing was finished.
 */
export class CommitLedger {
  /** Entries of earlier epochs: running, or finished and not committed. */
  readonly #carried = new Map<bigint, Entry>();
  /** Entries of this epoch, ascending. The first is not finished, or has just finished. */
  readonly #unfinished = new Fifo<Entry>();
  /** Entries of this epoch, ascending, all below `#unfinished`, waiting for their commit. */
  readonly #finished = new Fifo<Entry>();
  /** The next offset to deliver; undefined: nothing was fetched in this epoch. */
  #next: bigint | undefined;
  /** The highest offset that this process has committed, in any epoch. */
  #committed = -1n;
  /** The last acknowledged commit of this epoch; null: none yet. */
  #acknowledged: bigint | null = null;
  #epoch = 0;
  #owned = false;

  /** Starts an epoch. */
  open(): void {
    this.#epoch += 1;
    this.#owned = true;
    this.#next = undefined;
    this.#acknowledged = null;
    for (const queue of [this.#finished, this.#unfinished])
      for (let entry = queue.shift(); entry; entry = queue.shift()) this.#carried.set(entry.offset, entry);
  }

  /** The partition was revoked: finished entries are dropped, running ones are kept until they end. */
  release(): void {
    this.open();
    this.#owned = false;
    for (const [offset, entry] of this.#carried) if (entry.done) this.#carried.delete(offset);
  }

  /**
   * Takes the position of the epoch's first fetch. Later calls in the same epoch change nothing.
   *
   * @returns the offset that this process has committed, if the position shows that the group's offsets were lowered or lost:
   * it is below that offset. Else null
   */
  startAt(position: bigint): bigint | null {
    if (this.#next !== undefined) return null;
    this.#next = position;
    const lowered = position < this.#committed ? this.#committed : null;
    if (lowered !== null) this.#committed = -1n;
    this.#dropFinishedBelow(position);
    return lowered;
  }

  /** All records below `next` were delivered: the offsets up to it hold control records or nothing. */
  skipTo(next: bigint): void {
    if (this.#next === undefined || next > this.#next) this.#next = next;
  }

  /** The position was out of range: starts an epoch at whatever offset is delivered next. */
  reset(): void {
    this.open();
    this.#committed = -1n;
  }

  deliver(record: BusRecord): DeliveryResult {
    const { offset } = record;
    this.startAt(offset);
    if (this.#next !== undefined && offset < this.#next) return { kind: 'known' };
    this.#next = offset + 1n;
    const carried = this.#takeCarried(offset);
    const known = carried !== undefined && isSame(carried, record);
    const entry = known ? carried : toEntry(record);
    entry.epoch = this.#epoch;
    this.#unfinished.push(entry);
    this.#advance();
    return known ? { kind: 'known' } : { kind: 'new', entry };
  }

  finish(entry: Entry): void {
    entry.done = true;
    if (entry.epoch === this.#epoch) this.#advance();
    else if (!this.#owned || (this.#next !== undefined && entry.offset < this.#next)) this.#forget(entry);
  }

  /** The offset to commit: all records below it are finished. null: nothing to commit. */
  due(): bigint | null {
    const position = this.position();
    return position === this.#acknowledged ? null : position;
  }

  /** The commit of `offset`, which {@link due} returned in this epoch, was acknowledged. */
  committed(offset: bigint): void {
    this.#acknowledged = offset;
    if (offset > this.#committed) this.#committed = offset;
    this.#dropFinishedBelow(offset);
    for (let entry = this.#finished.peek(); entry && entry.offset < offset; entry = this.#finished.peek()) {
      this.#finished.shift();
    }
  }

  /** The lowest offset that is not finished, or the next offset; null before the first fetch of an epoch. */
  position(): bigint | null {
    return this.#unfinished.peek()?.offset ?? this.#next ?? null;
  }

  /** The next offset to deliver; null before the first fetch of an epoch. */
  get next(): bigint | null {
    return this.#next ?? null;
  }

  /** The timestamp of the oldest uncommitted record; null: all are committed. */
  oldest(): number | null {
    return this.#finished.peek()?.timestamp ?? this.#unfinished.peek()?.timestamp ?? null;
  }

  /** The number of records that are running or not committed. */
  get size(): number {
    return this.#finished.length + this.#unfinished.length + this.#carried.size;
  }

  /** Records below the position are not delivered again in this epoch. */
  #dropFinishedBelow(position: bigint): void {
    for (const [offset, entry] of this.#carried) if (entry.done && offset < position) this.#carried.delete(offset);
  }

  /** Usually there are none: then nothing is looked up. */
  #takeCarried(offset: bigint): Entry | undefined {
    if (this.#carried.size === 0) return undefined;
    const carried = this.#carried.get(offset);
    this.#carried.delete(offset);
    return carried;
  }

  #forget(entry: Entry): void {
    if (this.#carried.get(entry.offset) === entry) this.#carried.delete(entry.offset);
  }

  #advance(): void {
    for (let entry = this.#unfinished.peek(); entry?.done; entry = this.#unfinished.peek()) {
      this.#unfinished.shift();
      this.#finished.push(entry);
    }
  }
}

function toEntry(record: BusRecord): Entry {
  const { offset, timestamp, value } = record;
  return { offset, timestamp, valueLength: value?.length ?? -1, done: false, epoch: 0 };
}

/** A topic that was deleted and created again starts at offset 0: the same offset is then another record. */
function isSame(entry: Entry, record: BusRecord): boolean {
  return entry.timestamp === record.timestamp && entry.valueLength === (record.value?.length ?? -1);
}
