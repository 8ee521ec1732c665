import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { type PartAddresses, readPartAddresses } from './part-addresses.ts';

/** A corner of the real parts that belongs to one test file. */
export type World = PartAddresses & {
  /** Begins the name of every topic and consumer group of this world; ends with `.`. */
  readonly topicPrefix: string;
  /** Begins every Redis key of this world; ends with `:`. */
  readonly keyPrefix: string;
  /** Removes the world's topics, consumer groups and keys. Close clients first: a live consumer keeps its group. */
  close(): Promise<void>;
};

/**
 * Opens a fresh world on the running parts: nothing in it but what its owner puts there.
 *
 * @throws when an address is missing from the environment (vitest's global setup provides them)
 */
export function openWorld(): Promise<World> {
  const addresses = readPartAddresses(process.env);
  const id = `w${randomBytes(6).toString('hex')}`;
  const topicPrefix = `${id}.`;
  const keyPrefix = `${id}:`;
  const close = async () => {
    await Promise.all([removeFromKafka(addresses.brokers, topicPrefix), removeKeys(addresses.redisUrl, keyPrefix)]);
  };
  return Promise.resolve({ ...addresses, topicPrefix, keyPrefix, close });
}

async function removeFromKafka(brokers: readonly string[], prefix: string): Promise<void> {
  const kafka = new Kafka({ clientId: `${prefix}cleaner`, brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin({ retry: { retries: 3 } });
  await admin.connect();
  try {
    await removeGroups(admin, prefix);
    await removeTopics(admin, prefix);
  } finally {
    await admin.disconnect();
  }
}

async function removeTopics(admin: Admin, prefix: string): Promise<void> {
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
  if (topics.length > 0) await admin.deleteTopics({ topics });
}

/** A group that still has a member answers NON_EMPTY_GROUP: it lapses with its session, so that is no failure of the test. */
async function removeGroups(admin: Admin, prefix: string): Promise<void> {
  const { groups } = await admin.listGroups();
  const ours = groups.map((group) => group.groupId).filter((group) => group.startsWith(prefix));
  if (ours.length > 0) await admin.deleteGroups(ours).catch(() => undefined);
}

async function removeKeys(redisUrl: string, prefix: string): Promise<void> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 3 });
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
      if (keys.length > 0) await redis.unlink(keys);
    }
  } finally {
    redis.disconnect();
  }
}
