import { randomInt } from 'node:crypto';
import type { Bus } from '../bus.ts';
import type { OnFatal } from '../consume/consumer-health.ts';
import type { BusRecord } from '../record.ts';
import { follow } from './follow.ts';
import { watermarks } from './watermarks.ts';

export interface InboxOptions {
  readonly topic: string;
  /** Default: a random one. Several inboxes may share a partition; each receives all of its records. */
  readonly partition?: number;
  /** Called for each record that is sent after the inbox was opened, in order. Must not throw. */
  readonly onRecord: (record: BusRecord) => void;
  /** The inbox will receive nothing more. Outages are waited out; a batch that cannot be decoded is logged and skipped. */
  readonly onFatal: OnFatal;
}

/** Receives replies: one partition of a topic. */
export interface Inbox {
  readonly topic: string;
  readonly partition: number;
  close(): Promise<void>;
}

/**
 * Opens an inbox. Records sent after this resolves will arrive, through broker restarts too; earlier ones do not.
 *
 * @throws {RangeError} where the topic has no such partition
 */
export async function openInbox(bus: Bus, options: InboxOptions): Promise<Inbox> {
  const { topic } = options;
  const ends = await watermarks(bus, topic);
  const partition = options.partition ?? randomInt(ends.length);
  const end = ends.find((one) => one.partition === partition);
  if (end === undefined) throw new RangeError(`${topic} has no partition ${partition}`);
  const follower = await follow(bus, {
    topic,
    partitions: [partition],
    from: new Map([[partition, end.high]]),
    onRecord: options.onRecord,
    onUndecoded: (codec, at, offset) =>
      bus.log('error', 'undecodable batch skipped in an inbox', { topic, partition: at, offset, codec }),
    onFatal: options.onFatal,
  });
  return { topic, partition, close: () => follower.close() };
}
