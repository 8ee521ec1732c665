import type { PartitionStats } from './assignment.ts';
import type { PressureLimits } from './back-pressure.ts';
import type { Bus } from './bus.ts';
import type { OnFatal } from './consumer-health.ts';
import { joinGroup } from './keyed-group-member.ts';
import type { BusRecord } from './record.ts';
import type { OffsetReset } from './repair-offset-reset.ts';
import type { RunOptions } from './run-record.ts';

export interface KeyedConsumerOptions extends Omit<RunOptions, 'maxThrows'>, Partial<PressureLimits> {
  readonly groupId: string;
  /** All members of a group must name the same ones. */
  readonly topics: readonly string[];
  /**
   * Asked as a record arrives, on the fetch path: false for one that need not wait for those of its key before it. Must be
   * quick, and must not throw. Default: every record with a key waits.
   */
  readonly ordered?: (record: BusRecord) => boolean;
  /** Records worked on side by side. Default 256. */
  readonly concurrency?: number;
  /** After so many throws of the handler in a row a record becomes a dead letter. Default 12, which takes about 35 s. */
  readonly maxThrows?: number;
  /** Commits go out so often, in ms. Default 300. */
  readonly commitEveryMs?: number;
  /** And after so many finished records. Default 1000. */
  readonly commitEvery?: number;
  /** After this, in ms, without a heartbeat the group gives the partitions to others. Default 10000. */
  readonly sessionTimeoutMs?: number;
  /** Without a fetch for so long, in ms, although the brokers answer, the consumer is held for dead. Default 60000. */
  readonly stallMs?: number;
  /** Records were lost or come again: the log begins above the group's offset, or its offsets were turned back. */
  readonly onOffsetReset: (reset: OffsetReset) => void;
  /** The lanes will work no more: end the process. */
  readonly onFatal: OnFatal;
}

export interface KeyedConsumerStats {
  /** Records being worked on. */
  readonly working: number;
  /** Records that have arrived and are not finished, waiting ones included. */
  readonly open: number;
  /** Why everything is paused; empty: it is not. */
  readonly pausedFor: readonly string[];
  readonly partitions: readonly (PartitionStats & { readonly held: boolean })[];
}

/** A member of a group that works records off. */
export interface KeyedConsumer {
  /** Stops reading; what has arrived already goes on. Each reason needs its own {@link KeyedConsumer.resume}. */
  pause(reason: string): void;
  resume(reason: string): void;
  stats(): KeyedConsumerStats;
  /**
   * Stops reading, works off what has arrived for up to `drainMs`, then aborts what still runs, commits and leaves the
   * group. What was not finished is delivered again, to whoever has the partition then.
   */
  stop(options: { readonly drainMs: number }): Promise<{ readonly drained: boolean; readonly committed: boolean }>;
}

/**
 * Joins a group and works off what its topics bring: records with the same key one after the other, in their order;
 * different keys side by side; so does what {@link KeyedConsumerOptions.ordered} excepts. A record's offset is committed when it and all before it in its partition are done, never
 * earlier. Resolves when the group is joined.
 */
export function startKeyedConsumer(bus: Bus, options: KeyedConsumerOptions): Promise<KeyedConsumer> {
  return joinGroup(bus, {
    ...options,
    ordered: options.ordered ?? (() => true),
    concurrency: options.concurrency ?? 256,
    maxThrows: options.maxThrows ?? 12,
    commitEveryMs: options.commitEveryMs ?? 300,
    commitEvery: options.commitEvery ?? 1_000,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
    stallMs: options.stallMs ?? 60_000,
    maxUnfinished: options.maxUnfinished ?? 16_000,
    maxUnfinishedBytes: options.maxUnfinishedBytes ?? 16 * 1024 * 1024,
    maxUncommitted: options.maxUncommitted ?? 200_000,
  });
}
