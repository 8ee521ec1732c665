import { type EchoPlace, readArgument } from './echo-place.ts';
import { serveUntilStopped } from './serve-load.ts';
import { consume, gather, tunedKafka } from './tuned-kafkajs.ts';

const COMMIT_EVERY_MS = 300;

/** Answers each request with its own bytes, and commits beside the fetches what is answered. */
const open = async ({ brokers, requests, replies, groupId }: EchoPlace): Promise<() => Promise<void>> => {
  const kafka = tunedKafka(brokers, 'echo-worker');
  const replier = await gather(kafka, replies);
  const answered = new Map<number, bigint>();
  const consumer = await consume(kafka, {
    topic: requests,
    groupId,
    onMessage: (partition, { key, value, headers = {}, offset }) => {
      const to = headers['reply-partition'];
      void replier
        .send({ key, value, headers: { id: headers['id'] }, partition: Number(to) })
        .then(() => answered.set(partition, BigInt(offset) + 1n));
    },
  });
  const committing = setInterval(() => {
    const offsets = [...answered].map(([partition, next]) => ({ topic: requests, partition, offset: String(next) }));
    answered.clear();
    if (offsets.length > 0) void consumer.commitOffsets(offsets);
  }, COMMIT_EVERY_MS);
  return async () => {
    clearInterval(committing);
    await Promise.all([consumer.disconnect(), replier.close()]);
  };
};

await serveUntilStopped(() => open(readArgument<EchoPlace>()));
