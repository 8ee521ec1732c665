import type { PartitionAssigner } from 'kafkajs';
import { OffsetManager } from './kafkajs.ts';
import { patchMethod } from './patch-method.ts';

/** A position outside the log's offsets, and the position from which reading continues. */
export interface OffsetReset {
  readonly topic: string;
  readonly partition: number;
  /** The consumer's position before the reset. */
  readonly from: bigint;
  /** The log start offset: reading continues here. */
  readonly to: bigint;
}

/**
 * Handles a position that is out of range. kafkajs 2.2.4 commits the literal -2 or -1 for the group, continues where the broker
 * then says, and writes one log line. The patch commits nothing, moves the position in memory to the log start offset,
 * and calls the listener that {@link reportOffsetResets} registered.
 */
export function patchOffsetManager(): void {
  patchMethod(
    OffsetManager.prototype,
    'setDefaultOffset',
    () =>
      async function moveToLogStart(this: OffsetManager, { topic, partition }): Promise<void> {
        const from = BigInt(this.nextOffset(topic, partition).toString());
        const answers = await this.cluster.fetchTopicsOffset([
          { topic, partitions: [{ partition }], fromBeginning: true },
        ]);
        const first = answers[0]?.partitions[0];
        const positions = this.resolvedOffsets[topic];
        if (first === undefined || positions === undefined)
          throw new Error(`no log start offset for ${topic}/${partition}`);
        positions[partition] = first.offset;
        listeners.get(this.cluster)?.({ topic, partition, from, to: BigInt(first.offset) });
      },
  );
}

const listeners = new WeakMap<object, (reset: OffsetReset) => void>();

/**
 * Registers a listener for a consumer's offset resets. kafkajs hands a consumer's cluster object, which the offset manager
 * knows too, to the assigner only. So the listener is registered by wrapping the assigner.
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
