import kafkajs from 'kafkajs';

// kafkajs is CommonJS, and Node finds only the first few of its exports by name; so its values come from here.
export const { AssignerProtocol, CompressionTypes, ConfigResourceTypes, Kafka, logLevel, PartitionAssigners } = kafkajs;
