import { observerOf } from './consumer-observer.ts';
import { OffsetManager } from './kafkajs.ts';
import { patchMethod } from './patch-method.ts';

/**
 * Handles a position that is out of range. kafkajs 2.2.4 commits the literal -2 or -1 for the group, continues where the broker
 * then says, and writes one log line. The patch moves the position in memory to the log start offset and calls the consumer's
 * observer, which commits a valid position.
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
        observerOf(this.cluster)?.onReset({ topic, partition, from, to: BigInt(first.offset) });
      },
  );
}
