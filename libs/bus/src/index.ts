export {
  type AuthorizedOperations,
  authorizedOperations,
  type KafkaOperation,
  type TopicAccess,
} from './authorized-operations.ts';
export { type Bus, type BusOptions, connectBus, type Sasl } from './bus.ts';
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
export type { BusLog, BusLogLevel } from './log.ts';
export { murmur2, partitionOf } from './produce/murmur2.ts';
export type { Published } from './produce/partition-queue.ts';
export { PublishFailed, type PublishReason } from './produce/publish-failed.ts';
export { createPublisher, type Outgoing, type Publisher, type PublisherOptions } from './produce/publisher.ts';
export type { BusRecord, Headers } from './record.ts';
export { RightMissing } from './rights.ts';
export { ShortLivedMap } from './short-lived-map.ts';
export { type Inbox, type InboxOptions, openInbox } from './tables/inbox.ts';
export { readTopic, type TopicRange } from './tables/read-topic.ts';
export { followTable, type Table, type TableOptions } from './tables/table.ts';
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
