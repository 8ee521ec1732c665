import { randomBytes } from 'node:crypto';
import { type EchoPlace, readArgument } from './echo-place.ts';
import { type Contestant, serveLoad } from './serve-load.ts';
import { consume, gather, tunedKafka } from './tuned-kafkajs.ts';
import { TOKEN, userOf } from './users.ts';

const PARTITION = 0;

/** Asks the echo as an engine asks the vault: a random id, the user as the key, one partition to listen on. */
const open = async ({ brokers, requests, replies, groupId }: EchoPlace): Promise<Contestant> => {
  const kafka = tunedKafka(brokers, 'echo-client');
  const waiting = new Map<string, () => void>();
  const consumer = await consume(kafka, {
    topic: replies,
    groupId: `${groupId}-client`,
    onMessage: (_partition, { headers }) => {
      const id = String(headers?.['id']);
      waiting.get(id)?.();
      waiting.delete(id);
    },
  });
  const sender = await gather(kafka, requests);
  const value = Buffer.from(TOKEN);
  return {
    call: (n) =>
      new Promise((resolve, reject) => {
        const id = randomBytes(8).toString('hex');
        waiting.set(id, resolve as () => void); // of a promise of nothing
        const headers = { id, 'reply-partition': String(PARTITION) };
        sender.send({ key: Buffer.from(userOf(n)), value, headers }).catch(reject);
      }),
    close: async () => {
      await Promise.all([consumer.disconnect(), sender.close()]);
    },
  };
};

await serveLoad(() => open(readArgument<EchoPlace>()));
