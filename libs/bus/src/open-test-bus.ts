import { zstdCompressSync } from 'node:zlib';
import { type Bus, connectBus } from './bus.ts';
import { CompressionCodecs, CompressionTypes } from './kafkajs/kafkajs.ts';
import { applyTopics } from './topics.ts';

/** The part of a test world that this library needs. */
interface World {
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  close(): Promise<void>;
}

/** A bus on the topics and groups of one test file. */
export function openTestBus(world: World) {
  const bus: Bus = connectBus({ brokers: world.brokers, clientId: `${world.topicPrefix}bus` });
  let topics = 0;
  return {
    bus,
    topicPrefix: world.topicPrefix,
    /** Creates a topic and returns its name. */
    topic: async (partitions: number, config: Readonly<Record<string, string>> = {}): Promise<string> => {
      topics += 1;
      const name = `${world.topicPrefix}t${topics}`;
      await applyTopics(bus, [{ name, partitions, config }], { replicationFactor: 1 });
      return name;
    },
    /** Sends one record as a Java producer may do. kafkajs has no such codec; one is installed during the write. */
    sendCompressed: async (codec: 'ZSTD' | 'Snappy', topic: string, value: string): Promise<void> => {
      const type = CompressionTypes[codec];
      const missing = CompressionCodecs[type];
      const compress = async ({ buffer }: { readonly buffer: Buffer }) =>
        codec === 'ZSTD' ? zstdCompressSync(buffer) : snappyLiteral(buffer);
      const producer = bus.client().producer({ allowAutoTopicCreation: false });
      await producer.connect();
      CompressionCodecs[type] = () => ({ compress });
      await producer.send({ topic, compression: type, messages: [{ key: 'k', value }] });
      CompressionCodecs[type] = missing;
      await producer.disconnect();
    },
    close: () => world.close(),
  };
}

export type TestBus = ReturnType<typeof openTestBus>;

/** A snappy block of one literal: its length as a varint, its tag, its bytes. Source: snappy's format_description.txt. */
const snappyLiteral = (bytes: Buffer): Buffer => {
  const last = bytes.length - 1;
  return Buffer.concat([Buffer.from(last < 60 ? [bytes.length, last << 2] : [bytes.length, 60 << 2, last]), bytes]);
};
