import type { PartitionAssigner } from 'kafkajs';
import OffsetManager from 'kafkajs/src/consumer/offsetManager/index.js';

/** A position that the broker no longer has, or does not have yet, and where reading went on instead. */
export interface OffsetReset {
  readonly topic: string;
  readonly partition: number;
  /** Where the consumer stood. */
  readonly from: bigint;
  /** The first offset that the broker still has: reading goes on there. */
  readonly to: bigint;
}

/**
 * On an offset out of range kafkajs 2.2.4 commits the literal -2 or -1 for the group and goes on where the broker then
 * says, leaving one log line. This moves the position in memory alone, to the first offset that the broker has, commits
 * nothing, and tells the listener that {@link reportOffsetResets} registered.
 */
export function repairOffsetReset(): void {
  if (typeof OffsetManager.prototype.setDefaultOffset !== 'function') {
    throw new Error('kafkajs has changed: OffsetManager.setDefaultOffset is missing');
  }
  OffsetManager.prototype.setDefaultOffset = async function moveToTheFirst({ topic, partition }): Promise<void> {
    const from = BigInt(this.nextOffset(topic, partition).toString());
    const answers = await this.cluster.fetchTopicsOffset([{ topic, partitions: [{ partition }], fromBeginning: true }]);
    const first = answers[0]?.partitions[0];
    const positions = this.resolvedOffsets[topic];
    if (first === undefined || positions === undefined) throw new Error(`no first offset for ${topic}/${partition}`);
    positions[partition] = first.offset;
    listeners.get(this.cluster)?.({ topic, partition, from, to: BigInt(first.offset) });
  };
}

const listeners = new WeakMap<object, (reset: OffsetReset) => void>();

/**
 * Ties a listener to a consumer. kafkajs hands a consumer's cluster, which the offset manager knows too, to the assigner
 * and to nobody else; so the assigner is where the two meet.
 */
export function reportOffsetResets(
  assigner: PartitionAssigner,
  listener: (reset: OffsetReset) => void,
): PartitionAssigner {
  return (config) => {
    listeners.set(config.cluster, listener);
    return assigner(config);
  };
}
