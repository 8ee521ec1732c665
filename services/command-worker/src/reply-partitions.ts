import { type Bus, partitionCount } from '@vault-engine/bus';
import { PortUnavailable } from '@vault-engine/vault';
import type { PartitionCount } from './reply-address.ts';

/** Partitions are added to a topic now and then; it loses some only where it is created anew. */
const KEPT_MS = 30_000;
/** A topic that is not there may be about to be made. */
const ABSENCE_KEPT_MS = 1_000;

/** The partitions of the reply topics, looked up once for all who ask at the same time, and kept for a while. */
export const replyPartitions = (bus: Bus, now: () => number): PartitionCount => {
  const known = new Map<string, { count: Promise<number | null>; until: number }>();
  const count = (topic: string): Promise<number | null> => {
    const cached = known.get(topic);
    if (cached !== undefined && now() < cached.until) return cached.count;
    const looking = { count: lookUp(bus, topic), until: Number.POSITIVE_INFINITY };
    known.set(topic, looking);
    looking.count.then(
      (count) => {
        looking.until = now() + (count === null ? ABSENCE_KEPT_MS : KEPT_MS);
      },
      () => known.delete(topic),
    );
    return looking.count;
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
