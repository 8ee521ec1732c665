import type { Bus } from './bus.ts';
import { CatchUp } from './catch-up.ts';
import type { OnFatal } from './consumer-health.ts';
import { follow } from './follow.ts';
import type { BusRecord } from './record.ts';
import type { OffsetReset } from './repair-offset-reset.ts';
import { watermarks } from './watermarks.ts';

export interface TableOptions {
  readonly topic: string;
  /**
   * Each record, in the order of its partition: null is a tombstone. After a reset the log is read from its beginning
   * again, so a record may come twice. Must not throw; records without a key are left out.
   */
  readonly onChange: (key: Buffer, value: Buffer | null, record: BusRecord) => void;
  /** The topic lost what stood at the reader's position (it was deleted and created again): reading begins anew. */
  readonly onReset?: (reset: OffsetReset) => void;
  /** Nothing more will come: something lies in the topic that cannot be read. Outages are waited out. */
  readonly onFatal: OnFatal;
}

/** A compacted topic, followed. */
export interface Table {
  /** Resolves when all that the topic held at the start has been handed over. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Reads a compacted topic from the beginning, all partitions, and then follows it live, through broker restarts. */
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
