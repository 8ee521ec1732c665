import { Redis } from 'ioredis';
import { type EchoPlace, readArgument } from './echo-place.ts';
import { serveUntilStopped } from './serve-load.ts';
import { consume, gather, tunedKafka } from './tuned-kafkajs.ts';

/** Where the round trips lead to, besides the echo's topics. */
export interface RoundTripsPlace extends EchoPlace {
  readonly redisUrl: string;
  readonly auditLog: string;
}

/** As long as an audit record. */
const RECORD = Buffer.alloc(176, 'audit');
const ONE_WRITER = 0;

/**
 * The echo with the round trips of `GetToken` in their order, and nothing else of it: a read of Redis, a record of which the
 * audit log says that it has it, the reply. No cryptography, no schema, no check, and no commit, which the echo makes.
 */
const open = async ({ brokers, requests, replies, groupId, redisUrl, auditLog }: RoundTripsPlace) => {
  const kafka = tunedKafka(brokers, 'round-trips');
  const [audit, replier] = [await gather(kafka, auditLog), await gather(kafka, replies)];
  const redis = new Redis(redisUrl, { enableAutoPipelining: true });
  const consumer = await consume(kafka, {
    topic: requests,
    groupId,
    onMessage: async (_partition, { key, value, headers = {} }) => {
      await redis.get(String(key));
      await audit.send({ key, value: RECORD, headers: {}, partition: ONE_WRITER });
      const to = Number(headers['reply-partition']);
      await replier.send({ key, value, headers: { id: headers['id'] }, partition: to });
    },
  });
  return async (): Promise<void> => {
    await Promise.all([consumer.disconnect(), audit.close(), replier.close()]);
    redis.disconnect();
  };
};

await serveUntilStopped(() => open(readArgument<RoundTripsPlace>()));
