import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Bus } from './bus.ts';
import type { SendCommit } from './committer.ts';
import { PartitionAssigners } from './kafkajs.ts';
import { type OffsetReset, reportOffsetResets } from './repair-offset-reset.ts';

/** The kafkajs consumer under the lanes; not connected yet. */
export function openGroupConsumer(
  bus: Bus,
  { groupId, sessionTimeoutMs }: { readonly groupId: string; readonly sessionTimeoutMs: number },
  onReset: (reset: OffsetReset) => void,
): Consumer {
  return bus.client(MAX_RESTARTS).consumer({
    groupId,
    allowAutoTopicCreation: false,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: 3 * sessionTimeoutMs,
    heartbeatInterval: sessionTimeoutMs / 10,
    // With all partitions paused kafkajs sleeps this long before it looks again, and so long lasts a resume.
    maxWaitTimeInMs: 250,
    retry: { retries: MAX_RESTARTS, initialRetryTime: 100, maxRetryTime: 1_000 },
    partitionAssigners: [reportOffsetResets(PartitionAssigners.roundRobin, onReset)],
  });
}

/**
 * About half a minute. When kafkajs runs out of it, it joins as another member, and the group waits until the session of
 * the one that it was has ended; as long as it tries, it is the same one.
 */
const MAX_RESTARTS = 30;

/**
 * kafkajs's `consumer.commitOffsets` answers at once, as if it had committed, while it stops or starts again. What comes
 * with a batch goes straight to the coordinator and fails when it fails.
 */
export function commitBy(commitOffsets: EachBatchPayload['commitOffsetsIfNecessary']): SendCommit {
  return (positions) =>
    commitOffsets({
      topics: Object.entries(Object.groupBy(positions, ({ topic }) => topic)).map(([topic, at = []]) => ({
        topic,
        partitions: at.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
      })),
    });
}
