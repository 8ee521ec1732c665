export type { PartitionStats } from './assignment.ts';
export { type Bus, type BusOptions, connectBus, type Sasl } from './bus.ts';
export { ConsumerDead, type OnFatal } from './consumer-health.ts';
export { deadLetterHeaders } from './dead-letter.ts';
export { deleteRecordsBefore } from './delete-records.ts';
export { type Inbox, type InboxOptions, openInbox } from './inbox.ts';
export {
  type KeyedConsumer,
  type KeyedConsumerOptions,
  type KeyedConsumerStats,
  startKeyedConsumer,
} from './keyed-consumer.ts';
export type { BusLog, LogLevel } from './log.ts';
export { murmur2, partitionOf } from './murmur2.ts';
export { partitionCount } from './partition-count.ts';
export type { Published } from './partition-queue.ts';
export { createPublisher, type Outgoing, type Publisher, type PublisherOptions } from './publish.ts';
export { PublishFailed, type PublishReason } from './publish-failed.ts';
export { readTopic, type TopicRange } from './read-topic.ts';
export type { BusRecord, Headers } from './record.ts';
export type { OffsetReset } from './repair-offset-reset.ts';
export type { HandlerContext, HandlerResult } from './run-record.ts';
export { ShortLivedMap } from './short-lived-map.ts';
export { followTable, type Table, type TableOptions } from './table.ts';
export { applyTopics, checkTopics, deleteTopics, type TopicChange, type TopicSpec } from './topics.ts';
export { committedOffsets, offsetsAt, type Watermark, watermarks } from './watermarks.ts';
