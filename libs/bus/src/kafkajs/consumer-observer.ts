import type { OffsetsByTopicPartition, PartitionAssigner } from 'kafkajs';

/** A position outside the log's offsets, and the position from which reading continues. */
export interface OffsetReset {
  readonly topic: string;
  readonly partition: number;
  /** The consumer's position before the reset. */
  readonly from: bigint;
  /** The log start offset, or the group's lowered offset: reading continues here. */
  readonly to: bigint;
}

/** A fetch that returned no record for a partition. */
export interface EmptyFetch {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to fetch: behind the control records and filtered batches of this fetch. Decimal text. */
  readonly position: string;
  /** Decimal text. */
  readonly highWatermark: string;
  /** Commits for the assignment to which the fetch belongs. */
  readonly commit: (offsets: OffsetsByTopicPartition) => Promise<void>;
}

/** Receives what the patches see of one consumer. Must not throw. */
export interface ConsumerObserver {
  readonly onReset: (reset: OffsetReset) => void;
  readonly onEmptyFetch?: (fetch: EmptyFetch) => void;
}

const observers = new WeakMap<object, ConsumerObserver>();

/** The observer of the consumer with this cluster object. */
export const observerOf = (cluster: object): ConsumerObserver | undefined => observers.get(cluster);

/**
 * Registers a consumer's observer. kafkajs hands a consumer's cluster object, by which the patched classes know their consumer,
 * to the assigner only. So the observer is registered by wrapping the assigner.
 */
export function observeConsumer(assigner: PartitionAssigner, observer: ConsumerObserver): PartitionAssigner {
  return (config) => {
    observers.set(config.cluster, observer);
    return assigner(config);
  };
}
