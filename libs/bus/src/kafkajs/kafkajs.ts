import { installedKafkajs, openPrivateKafkajs } from './load-kafkajs.ts';

/**
 * The values of the bus's private copy of kafkajs. Types are imported from the package; the casts say which module has which
 * type, as `internals.d.ts` declares them for the version that `openPrivateKafkajs` has verified.
 */
const load = openPrivateKafkajs(installedKafkajs());

export const {
  AssignerProtocol,
  CompressionCodecs,
  CompressionTypes,
  ConfigResourceTypes,
  Kafka,
  logLevel,
  PartitionAssigners,
} = load('index.js') as typeof import('kafkajs');

export const Batch = load('src/consumer/batch.js') as typeof import('kafkajs/src/consumer/batch.js').default;
export type Batch = InstanceType<typeof Batch>;
export const Broker = load('src/broker/index.js') as typeof import('kafkajs/src/broker/index.js').default;
export type Broker = InstanceType<typeof Broker>;
export type { ClusterBroker } from 'kafkajs/src/cluster/index.js';
export const Cluster = load('src/cluster/index.js') as typeof import('kafkajs/src/cluster/index.js').default;
export type Cluster = InstanceType<typeof Cluster>;
export const ConsumerGroup = load(
  'src/consumer/consumerGroup.js',
) as typeof import('kafkajs/src/consumer/consumerGroup.js').default;
export type ConsumerGroup = InstanceType<typeof ConsumerGroup>;
export const OffsetManager = load(
  'src/consumer/offsetManager/index.js',
) as typeof import('kafkajs/src/consumer/offsetManager/index.js').default;
export type OffsetManager = InstanceType<typeof OffsetManager>;
export const RequestQueue = load(
  'src/network/requestQueue/index.js',
) as typeof import('kafkajs/src/network/requestQueue/index.js').default;
export type RequestQueue = InstanceType<typeof RequestQueue>;
export const Decoder = load('src/protocol/decoder.js') as typeof import('kafkajs/src/protocol/decoder.js').default;
export type Decoder = InstanceType<typeof Decoder>;
export const Encoder = load('src/protocol/encoder.js') as typeof import('kafkajs/src/protocol/encoder.js').default;
export type Encoder = InstanceType<typeof Encoder>;
export const Fetch = load(
  'src/protocol/requests/fetch/index.js',
) as typeof import('kafkajs/src/protocol/requests/fetch/index.js').default;
export const Produce = load(
  'src/protocol/requests/produce/index.js',
) as typeof import('kafkajs/src/protocol/requests/produce/index.js').default;
