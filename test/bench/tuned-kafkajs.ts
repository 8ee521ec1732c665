import { connect } from 'node:net';
import kafkajs, { type Consumer, type IHeaders, type Kafka, type KafkaMessage, type Producer } from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

// An idle connection of kafkajs wakes its process a thousand times a second, which would be measured with the others' work.
const { scheduleCheckPendingRequests } = RequestQueue.prototype;
RequestQueue.prototype.scheduleCheckPendingRequests = function scheduleWhileSomethingWaits(): void {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};

/** A message on its way to one partition. */
export interface EchoMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
  readonly partition?: number;
}

/** kafkajs as fast as it goes, and nothing beside it: no ledger, no lanes, no bound on time, no recovery. */
export const tunedKafka = (brokers: readonly string[], clientId: string): Kafka =>
  new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    logLevel: kafkajs.logLevel.ERROR,
    // Without Nagle's algorithm, which lets a small request wait for the acknowledgement of the one before.
    socketFactory: ({ host, port, onConnect }) => connect({ host, port, noDelay: true, keepAlive: true }, onConnect),
  });

/** Sends to one topic what one turn of the event loop brings, all partitions in one request, one request at a time. */
export const gather = async (kafka: Kafka, topic: string): Promise<Gatherer> => {
  const producer = kafka.producer({ idempotent: false, allowAutoTopicCreation: false });
  await producer.connect();
  return gathering(producer, topic);
};

/** What {@link gather} answers. */
export interface Gatherer {
  /** Resolves when the broker has it. */
  readonly send: (message: EchoMessage) => Promise<void>;
  readonly close: () => Promise<void>;
}

interface Batch {
  readonly messages: EchoMessage[];
  readonly done: PromiseWithResolvers<void>;
}

const gathering = (producer: Producer, topic: string): Gatherer => {
  let filling: Batch | undefined;
  let sending = false;

  const flush = async (): Promise<void> => {
    if (sending) return;
    sending = true;
    for (let batch = filling; batch !== undefined; batch = filling) {
      filling = undefined;
      await producer
        .send({ topic, acks: -1, messages: batch.messages })
        .then(() => batch.done.resolve(), batch.done.reject);
    }
    sending = false;
  };

  return {
    send: (message) => {
      if (filling === undefined) {
        filling = { messages: [], done: Promise.withResolvers() };
        setImmediate(flush);
      }
      filling.messages.push(message);
      return filling.done.promise;
    },
    close: () => producer.disconnect(),
  };
};

/** Reads a topic without auto-commit: `onMessage` must not wait. */
export const consume = async (
  kafka: Kafka,
  {
    topic,
    groupId,
    onMessage,
  }: { topic: string; groupId: string; onMessage: (partition: number, message: KafkaMessage) => void },
): Promise<Consumer> => {
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 250 });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: false });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset }) => {
      for (const message of batch.messages) onMessage(batch.partition, message);
      resolveOffset(batch.lastOffset());
    },
  });
  await joined.promise;
  return consumer;
};
