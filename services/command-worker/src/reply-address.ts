import { type Bus, partitionCount } from '@vault-engine/bus';
import { type Failure, PortUnavailable, refuse } from '@vault-engine/vault';
import type { Authenticated } from './receive.ts';

/** The topics that replies go to. */
export interface ReplyTopics {
  readonly ofEngine: (engine: string) => string;
  /** Where the gateway reads its replies: those to commands under HTTP keys. */
  readonly gateway: string;
}

/** Where one reply goes. */
export interface ReplyAddress {
  readonly topic: string;
  readonly partition: number;
}

/** How many partitions a topic has; null: the topic does not exist. */
export interface PartitionCount {
  (topic: string): Promise<number | null>;
  /** Forgets the cached count of a topic that did not accept a reply. */
  readonly forget: (topic: string) => void;
}

/** The topic that replies to a command go to, whatever the command asks for: the engine's own, or the gateway's for an HTTP key. */
export const replyTopicOf = (
  { ofEngine, gateway }: ReplyTopics,
  { engine, engineKey }: Pick<Authenticated, 'engine' | 'engineKey'>,
): string => (engineKey.use === 'http' ? gateway : ofEngine(engine.open.engine));

/**
 * Where on `topic`, which has `count` partitions, a command is answered: the caller chooses the partition only. A command
 * that asks for another topic is refused, and the refusal goes to `topic`.
 */
export const replyAddress = (
  topic: string,
  count: number | null,
  { headers }: Pick<Authenticated, 'headers'>,
): { address: ReplyAddress | null; refused: Failure | null } => {
  const address =
    count !== null && headers.replyPartition < count ? { topic, partition: headers.replyPartition } : null;
  if (headers.replyTopic !== topic) return { address, refused: FOREIGN_TOPIC };
  return { address, refused: address === null ? NO_SUCH_PARTITION : null };
};

const FOREIGN_TOPIC = refuse(
  'invalid_request',
  "the reply topic is not the engine's own",
  'foreign_reply_topic',
).failure;
const NO_SUCH_PARTITION = refuse(
  'invalid_request',
  'the reply topic has no such partition',
  'no_reply_partition',
).failure;

/** Partitions are only added to a topic, and rarely; a topic has fewer only after it was deleted and created again. */
const COUNT_TTL_MS = 30_000;
/** A topic that does not exist may be about to be created. */
const ABSENCE_TTL_MS = 1_000;

/** The partition counts of the reply topics: one look-up for all who ask at the same time, cached for a while. */
export const replyPartitions = (bus: Bus, now: () => number): PartitionCount => {
  const known = new Map<string, { count: Promise<number | null>; until: number }>();
  const count = (topic: string): Promise<number | null> => {
    const cached = known.get(topic);
    if (cached !== undefined && now() < cached.until) return cached.count;
    const entry = { count: lookUp(bus, topic), until: Number.POSITIVE_INFINITY };
    known.set(topic, entry);
    entry.count.then(
      (count) => {
        entry.until = now() + (count === null ? ABSENCE_TTL_MS : COUNT_TTL_MS);
      },
      () => known.delete(topic),
    );
    return entry.count;
  };
  return Object.assign(count, { forget: (topic: string) => void known.delete(topic) });
};

const lookUp = async (bus: Bus, topic: string): Promise<number | null> => {
  try {
    return await partitionCount(bus, topic);
  } catch (error) {
    throw new PortUnavailable('audit', 'the brokers do not answer', { cause: error });
  }
};

/** The number of partitions of a topic that exists. Rejects with `PortUnavailable`. */
export const countPartitions = async (bus: Bus, topic: string): Promise<number> => {
  const count = await lookUp(bus, topic);
  if (count === null) throw new PortUnavailable('audit', `the topic ${topic} does not exist`);
  return count;
};
