// Publishing, replies and tables, without the consumer group of the services: the part of the bus that the client SDK loads.
export { type Bus, type BusOptions, connectBus, type Sasl } from './bus.ts';
export type { BusLog, BusLogLevel } from './log.ts';
export { PublishFailed, type PublishReason } from './produce/publish-failed.ts';
export { createPublisher, type Outgoing, type Publisher, type PublisherOptions } from './produce/publisher.ts';
export type { BusRecord, Headers } from './record.ts';
export { RightMissing } from './rights.ts';
export { ShortLivedMap } from './short-lived-map.ts';
export { type Inbox, type InboxOptions, openInbox } from './tables/inbox.ts';
export { followTable, type Table, type TableOptions } from './tables/table.ts';
