import kafkajs from 'kafkajs';

// kafkajs is CommonJS, and Node finds only the first few of its exports by name. So its values are read from its default export.
export const { AssignerProtocol, CompressionTypes, ConfigResourceTypes, Kafka, logLevel, PartitionAssigners } = kafkajs;
export { default as Broker } from 'kafkajs/src/broker/index.js';
export { type ClusterBroker, default as Cluster } from 'kafkajs/src/cluster/index.js';
export { default as Batch } from 'kafkajs/src/consumer/batch.js';
export { default as ConsumerGroup } from 'kafkajs/src/consumer/consumerGroup.js';
export { default as OffsetManager } from 'kafkajs/src/consumer/offsetManager/index.js';
export { default as RequestQueue } from 'kafkajs/src/network/requestQueue/index.js';
export { default as Decoder } from 'kafkajs/src/protocol/decoder.js';
export { default as Encoder } from 'kafkajs/src/protocol/encoder.js';
export { default as Fetch } from 'kafkajs/src/protocol/requests/fetch/index.js';
export { default as Produce } from 'kafkajs/src/protocol/requests/produce/index.js';
