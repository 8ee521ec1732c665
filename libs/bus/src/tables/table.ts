import type { Bus } from '../bus.ts';
import type { OnFatal } from '../consume/consumer-health.ts';
import type { OffsetReset } from '../kafkajs/consumer-observer.ts';
import type { BusRecord } from '../record.ts';
import { CatchUp } from './catch-up.ts';
import { follow } from './follow.ts';
import { watermarks } from './watermarks.ts';

export interface TableOptions {
  readonly topic: string;
  /**
   * Called for each record, in the order of its partition; null is a tombstone. After a reset the log is read from its start
   * again, so a record may come twice. Must not throw. Records without a key are left out.
   */
  readonly onChange: (key: Buffer, value: Buffer | null, record: BusRecord) => void;
  /** The reader's position is out of range (the topic was deleted and created again): reading starts again. */
  readonly onReset?: (reset: OffsetReset) => void;
  /** No further changes will come: the topic contains what cannot be decoded. Outages are waited out. */
  readonly onFatal: OnFatal;
}

/** A followed compacted topic. */
export interface Table {
  /** Resolves when all records that the topic had at the start were passed to `onChange`. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Reads all partitions of a compacted topic from the start, then follows it live, through broker restarts. */
export async function followTable(bus: Bus, options: TableOptions): Promise<Table> {
  const { topic } = options;
  const ends = await watermarks(bus, topic);
  const catchUp = new CatchUp(
    new Map(ends.filter(({ low, high }) => low < high).map(({ partition, high }) => [partition, high])),
  );
  const follower = await follow(bus, {
    topic,
    from: new Map(),
    onRecord: (record) => {
      if (record.key !== null) options.onChange(record.key, record.value, record);
    },
    onProgress: (partition, next) => catchUp.reached(partition, next),
    onQuiet: () => catchUp.quiet(),
    ...(options.onReset === undefined ? {} : { onReset: options.onReset }),
    onFatal: (error) => {
      catchUp.fail(error);
      options.onFatal(error);
    },
  });
  return { ready: catchUp.done, close: () => follower.close() };
}
