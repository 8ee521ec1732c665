import { Fifo } from './fifo.ts';
import type { BusRecord } from './record.ts';

/** One delivered record, from its arrival until its offset is committed. */
export interface Entry {
  readonly offset: bigint;
  readonly timestamp: number;
  readonly valueLength: number;
  done: boolean;
  /** The epoch that delivered it last. */
  epoch: number;
}

/** What to do with a record that arrived. */
export type Delivery =
  | { readonly kind: 'new'; readonly entry: Entry }
  /** It is being worked on, or is done and not committed yet: nothing to do. */
  | { readonly kind: 'known' };

/**
 * What is under way in one partition, and how far it may be committed: up to the lowest offset that is not finished.
 *
 * An *epoch* is the time between two assignments. In each the broker delivers again from the committed offset; entries of
 * earlier epochs are kept by their offset, so that a redelivered record meets its running or finished work. Nothing is
 * committed in an epoch before the broker has delivered something in it: only then is it known that nobody else has
 * committed further in the meantime.
 */
export class CommitLedger {
  /** Running, or finished and not committed, of earlier epochs. */
  readonly #carried = new Map<bigint, Entry>();
  /** This epoch's, ascending: the first is not finished (or has just become so). */
  readonly #unfinished = new Fifo<Entry>();
  /** This epoch's, ascending, all below `#unfinished`, waiting for their commit. */
  readonly #finished = new Fifo<Entry>();
  /** One above the last offset that this epoch delivered; undefined: none yet. */
  #next: bigint | undefined;
  /** The highest offset that this process has committed, in any epoch. */
  #committed = -1n;
  #epoch = 0;
  #owned = false;

  /** Begins an epoch. */
  open(): void {
    this.#epoch += 1;
    this.#owned = true;
    this.#next = undefined;
    for (const held of [this.#finished, this.#unfinished])
      for (let entry = held.shift(); entry; entry = held.shift()) this.#carried.set(entry.offset, entry);
  }

  /** The partition went to someone else: what is finished is forgotten, what runs is kept until it ends. */
  release(): void {
    this.open();
    this.#owned = false;
    for (const [offset, entry] of this.#carried) if (entry.done) this.#carried.delete(offset);
  }

  /**
   * Where the group's offsets stood, if this delivery shows that they were turned back or lost: the epoch's first record
   * lies below what this process has committed. Else null.
   */
  turnedBackFrom(offset: bigint): bigint | null {
    return this.#next === undefined && offset < this.#committed ? this.#committed : null;
  }

  /** The broker's log does not reach to the reader's position: begin again wherever it delivers next. */
  reset(): void {
    this.open();
    this.#committed = -1n;
  }

  deliver(record: BusRecord): Delivery {
    const { offset } = record;
    if (this.#next === undefined) this.#begin(offset);
    else if (offset < this.#next) return { kind: 'known' };
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

  /** The offset to commit: all below it is finished. null: nothing new to commit. */
  due(): bigint | null {
    return this.#finished.length === 0 ? null : this.position();
  }

  /** The commit of `offset`, which {@link due} gave in this epoch, was acknowledged. */
  committed(offset: bigint): void {
    if (offset > this.#committed) this.#committed = offset;
    for (let entry = this.#finished.peek(); entry && entry.offset < offset; entry = this.#finished.peek()) {
      this.#finished.shift();
    }
  }

  /** The lowest offset that is not finished, or the next one to come; null before the first delivery of an epoch. */
  position(): bigint | null {
    return this.#unfinished.peek()?.offset ?? this.#next ?? null;
  }

  /** When the oldest record that is not committed came about (its timestamp); null: all is committed. */
  oldest(): number | null {
    return this.#finished.peek()?.timestamp ?? this.#unfinished.peek()?.timestamp ?? null;
  }

  /** Records held: running or not committed. */
  get size(): number {
    return this.#finished.length + this.#unfinished.length + this.#carried.size;
  }

  /** Below an epoch's first offset nothing is delivered again: finished entries there have served their time. */
  #begin(first: bigint): void {
    if (first < this.#committed) this.#committed = -1n;
    for (const [offset, entry] of this.#carried) if (entry.done && offset < first) this.#carried.delete(offset);
  }

  /** Nearly always there is none: then nothing is looked up. */
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

/** A topic that was deleted and created again counts from 0 once more: the same offset is then another record. */
function isSame(entry: Entry, record: BusRecord): boolean {
  return entry.timestamp === record.timestamp && entry.valueLength === (record.value?.length ?? -1);
}
