import type { Consumer, OffsetsByTopicPartition } from 'kafkajs';
import type { Bus } from '../bus.ts';
import { type ConsumerObserver, observeConsumer } from '../kafkajs/consumer-observer.ts';
import { PartitionAssigners } from '../kafkajs/kafkajs.ts';
import type { SendCommit } from './committer.ts';

/** The kafkajs consumer of a keyed consumer; not connected yet. */
export function openGroupConsumer(
  bus: Bus,
  { groupId, sessionTimeoutMs }: { readonly groupId: string; readonly sessionTimeoutMs: number },
  observer: ConsumerObserver,
): Consumer {
  return bus.client(MAX_RESTARTS).consumer({
    groupId,
    allowAutoTopicCreation: false,
    // Records are handled one by one. Reading committed records only would let an open transaction stop its partition for everyone.
    readUncommitted: true,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: 3 * sessionTimeoutMs,
    heartbeatInterval: sessionTimeoutMs / 10,
    // With all partitions paused, kafkajs sleeps this long before it looks again. So a resume takes this long.
    maxWaitTimeInMs: 250,
    retry: { retries: MAX_RESTARTS, initialRetryTime: 100, maxRetryTime: 1_000 },
    partitionAssigners: [observeConsumer(PartitionAssigners.roundRobin, observer)],
  });
}

/**
 * About half a minute. After the last retry kafkajs joins as another member, and the group waits until the session of
 * the former one has ended. Until then it stays the same member.
 */
const MAX_RESTARTS = 30;

/**
 * kafkajs's `consumer.commitOffsets` resolves without committing while the consumer stops or restarts. The function that comes
 * with a fetch sends the commit to the coordinator and rejects when it fails.
 */
export function commitBy(commitOffsets: (offsets: OffsetsByTopicPartition) => Promise<void>): SendCommit {
  return (positions) =>
    commitOffsets({
      topics: Object.entries(Object.groupBy(positions, ({ topic }) => topic)).map(([topic, at = []]) => ({
        topic,
        partitions: at.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
      })),
    });
}
