import { askAdmin, type Bus } from '../bus.ts';
import type { RequiredRight } from '../rights.ts';

/** The bounds of a partition's log: offsets from `low` (inclusive) to `high` (exclusive). */
export interface Watermark {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
}

/** The watermarks of a topic's partitions, in their order. Throws where the topic does not exist. */
export async function watermarks(bus: Bus, topic: string): Promise<readonly Watermark[]> {
  const offsets = await askAdmin(bus, [describe(topic)], (admin) => admin.fetchTopicOffsets(topic));
  return offsets
    .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
    .sort((a, b) => a.partition - b.partition);
}

/** By partition, the first offset whose record is not older than `timestamp` (Unix ms), or the end of the log. */
export async function offsetsAt(bus: Bus, topic: string, timestamp: number): Promise<ReadonlyMap<number, bigint>> {
  const offsets = await askAdmin(bus, [describe(topic)], (admin) =>
    admin.fetchTopicOffsetsByTimestamp(topic, timestamp),
  );
  return new Map(offsets.map(({ partition, offset }) => [partition, BigInt(offset)]));
}

/** The committed offsets of a group, by partition. Partitions without a commit are left out. */
export async function committedOffsets(bus: Bus, groupId: string, topic: string): Promise<ReadonlyMap<number, bigint>> {
  const answers = await askAdmin(
    bus,
    [describe(topic), { operation: 'DESCRIBE', resource: 'group', name: groupId }],
    (admin) => admin.fetchOffsets({ groupId, topics: [topic] }),
  );
  const partitions = answers.find((answer) => answer.topic === topic)?.partitions ?? [];
  return new Map(
    partitions.filter(({ offset }) => BigInt(offset) >= 0n).map(({ partition, offset }) => [partition, BigInt(offset)]),
  );
}

const describe = (topic: string): RequiredRight => ({ operation: 'DESCRIBE', resource: 'topic', name: topic });
