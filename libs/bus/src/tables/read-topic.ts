import type { Bus } from '../bus.ts';
import { Fifo } from '../fifo.ts';
import type { BusRecord } from '../record.ts';
import { CatchUp } from './catch-up.ts';
import { type Follower, follow } from './follow.ts';
import { watermarks } from './watermarks.ts';

/** A part of a topic. */
export interface TopicRange {
  /** By partition, the first offset; partitions without an entry start at the log start offset. */
  readonly from?: ReadonlyMap<number, bigint>;
  /** By partition, the offset before which to end; at most the high watermark at the start. */
  readonly to?: ReadonlyMap<number, bigint>;
  /** Default: all partitions. */
  readonly partitions?: readonly number[];
}

/**
 * Reads the records of a topic up to its end at the start. Records are in order within a partition; partitions
 * interleave. Leaving the loop closes the connection.
 */
export async function* readTopic(bus: Bus, topic: string, range: TopicRange = {}): AsyncGenerator<BusRecord, void> {
  const spans = await spansOf(bus, topic, range);
  if (spans.size === 0) return;
  const catchUp = new CatchUp(new Map([...spans].map(([partition, { to }]) => [partition, to])));
  const buffer = new Fifo<BusRecord>();
  const signal = new Signal();
  let ended = false;
  let failure: Error | undefined;
  catchUp.done
    .catch((error: Error) => {
      failure = error;
    })
    .finally(() => {
      ended = true;
      signal.raise();
    });
  // Records arrive before `follow` resolves: it waits for the first fetch.
  let reading: Follower | undefined;
  const follower = await follow(bus, {
    topic,
    partitions: [...spans.keys()],
    from: new Map([...spans].map(([partition, { from }]) => [partition, from])),
    onRecord: (record) => {
      if (record.offset >= (spans.get(record.partition)?.to ?? 0n)) return;
      buffer.push(record);
      signal.raise();
    },
    onProgress: (partition, next) => {
      catchUp.reached(partition, next);
      if (buffer.length > BUFFERED) reading?.pause();
    },
    onQuiet: () => {
      if (buffer.length === 0) catchUp.quiet();
    },
    onFatal: (error) => catchUp.fail(error),
  });
  reading = follower;
  if (buffer.length > BUFFERED) follower.pause();
  try {
    while (true) {
      const record = buffer.shift();
      if (record !== undefined) {
        if (buffer.length === BUFFERED / 2) follower.resume();
        yield record;
      } else if (ended) {
        if (failure !== undefined) throw failure;
        return;
      } else {
        await signal.raised();
      }
    }
  } finally {
    await follower.close();
  }
}

const BUFFERED = 2_000;

interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

async function spansOf(bus: Bus, topic: string, range: TopicRange): Promise<ReadonlyMap<number, Span>> {
  const marks = await watermarks(bus, topic);
  const spans = marks
    .filter(({ partition }) => range.partitions?.includes(partition) ?? true)
    .map(({ partition, low, high }): [number, Span] => [
      partition,
      { from: max(range.from?.get(partition) ?? low, low), to: min(range.to?.get(partition) ?? high, high) },
    ]);
  return new Map(spans.filter(([, { from, to }]) => from < to));
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Wakes a waiter. A signal that is raised before anyone waits is kept. */
class Signal {
  #waiting = Promise.withResolvers<void>();

  raise(): void {
    this.#waiting.resolve();
  }

  async raised(): Promise<void> {
    await this.#waiting.promise;
    this.#waiting = Promise.withResolvers<void>();
  }
}
