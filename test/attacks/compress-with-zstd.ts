import { zstdCompressSync } from 'node:zlib';
import type { Outgoing } from '@vault-engine/bus';
import kafkajs, { type Kafka } from 'kafkajs';

const { CompressionCodecs, CompressionTypes, Kafka: KafkaClient, logLevel } = kafkajs;

/** What kafkajs asks of a codec; its own types leave that open. */
interface Codec {
  readonly compress: (encoder: { readonly buffer: Buffer }) => Promise<Buffer>;
  readonly decompress: (buffer: Buffer) => Promise<Buffer>;
}

/**
 * Sends messages to one topic as one batch compressed with zstd, as a producer of another language may. kafkajs comes
 * without that codec, which is why a consumer of the vault could not read such a batch. Answers how many batches were compressed.
 */
export const sendWithZstd = async (
  brokers: readonly string[],
  topic: string,
  messages: readonly Pick<Outgoing, 'key' | 'value' | 'headers'>[],
): Promise<number> => {
  let compressed = 0;
  const codec: Codec = {
    compress: async ({ buffer }) => {
      compressed += 1;
      return zstdCompressSync(buffer);
    },
    decompress: () => Promise.reject(new Error('this process only writes')),
  };
  CompressionCodecs[CompressionTypes.ZSTD] = () => codec;
  const kafka: Kafka = new KafkaClient({ clientId: 'zstd', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const plain = messages.map(({ key, value, headers = {} }) => ({ key, value, headers: { ...headers } }));
    await producer.send({ topic, messages: plain, compression: CompressionTypes.ZSTD });
    return compressed;
  } finally {
    await producer.disconnect();
  }
};
