import { type BusRecord, partitionOf } from '@vault-engine/bus';

/**
 * The partition that Java's default partitioner gives the key of a command; null where the command is on it. Only there it is
 * in order with the user's other commands. A promise where the topic's partitions have to be counted again first.
 */
export type ExpectedPartition = (record: BusRecord) => number | null | Promise<number | null>;

/** What the check works with. */
export interface PartitionCheckParts {
  /** How many partitions the commands topic has. */
  readonly count: () => Promise<number>;
  /** Notes a count and returns when each count was noted first: `TokenStore.notePartitions`. */
  readonly note: (count: number, now: number) => Promise<ReadonlyMap<number, number>>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** The retention of the topic, milliseconds. */
  readonly retentionMs: number;
  /** Resolves after this many milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** The partition counts under which a command may be right. */
interface Counts {
  readonly current: number;
  /** Counts before the topic grew. Producers learn of the growth later: a command appended until then may be right by them. */
  readonly former: readonly { readonly count: number; readonly until: number }[];
}

/** Counts of the partitions begin at least this far apart, however many commands are on wrong partitions. */
const BETWEEN_COUNTS_MS = 250;

/**
 * Checks commands against the partition count, and, for the topic's retention after it grew, against former counts. A command
 * that seems wrong may be right by a growth that this process has not seen, so it waits for a count that begins after it arrived.
 */
export const expectedPartition = (parts: PartitionCheckParts): ExpectedPartition => {
  let counts: Counts | null = null;
  let countedAt = Number.NEGATIVE_INFINITY;
  /** The next count, until it begins. */
  let next: Promise<Counts> | null = null;
  const countAgain = async (): Promise<Counts> => {
    await parts.sleep(Math.max(0, countedAt + BETWEEN_COUNTS_MS - parts.now()));
    countedAt = parts.now();
    next = null;
    counts = await readCounts(parts, counts);
    return counts;
  };
  return (record) => {
    if (counts !== null && isRight(record, counts)) return null;
    next ??= countAgain();
    return next.then((latest) => verdict(record, latest));
  };
};

const verdict = (record: BusRecord, counts: Counts): number | null =>
  isRight(record, counts) || record.key === null ? null : partitionOf(record.key, counts.current);

const isRight = ({ key, partition, timestamp }: BusRecord, { current, former }: Counts): boolean =>
  key !== null &&
  (partition === partitionOf(key, current) ||
    former.some(({ count, until }) => timestamp <= until && partition === partitionOf(key, count)));

const readCounts = async (
  { count, note, now, retentionMs }: PartitionCheckParts,
  before: Counts | null,
): Promise<Counts> => {
  const current = await count();
  if (before !== null && current === before.current) return before;
  const noted = [...(await note(current, now()))].sort(([left], [right]) => left - right);
  const former = noted.slice(0, -1).map(([each], index) => {
    const [, grownAt = now()] = noted[index + 1] ?? [];
    return { count: each, until: grownAt + retentionMs };
  });
  return { current, former };
};
