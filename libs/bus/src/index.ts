export {
  type AuthorizedOperations,
  authorizedOperations,
  type KafkaOperation,
  type TopicAccess,
} from './authorized-operations.ts';
export * from './client.ts';
export type { PartitionStats } from './consume/assignment.ts';
export { ConsumerDead, type OnFatal, PartitionStalled } from './consume/consumer-health.ts';
export { deadLetterHeaders } from './consume/dead-letter.ts';
export {
  type KeyedConsumer,
  type KeyedConsumerOptions,
  type KeyedConsumerStats,
  startKeyedConsumer,
} from './consume/keyed-consumer.ts';
export type { HandlerContext, HandlerResult } from './consume/run-record.ts';
export type { OffsetReset } from './kafkajs/consumer-observer.ts';
export { murmur2, partitionOf } from './produce/murmur2.ts';
export type { Published } from './produce/partition-queue.ts';
export { RightMissing } from './rights.ts';
export { readTopic, type TopicRange } from './tables/read-topic.ts';
export { committedOffsets, offsetsAt, type Watermark, watermarks } from './tables/watermarks.ts';
export {
  applyTopics,
  checkTopics,
  deleteRecordsBefore,
  deleteTopics,
  partitionCount,
  type TopicChange,
  type TopicDeclaration,
} from './topics.ts';
