import type { Bus } from '@vault-engine/bus';
import { holdsWithin } from './holds-within.ts';
import type { SeededRandom } from './seeded-random.ts';
import { withAdmin } from './with-admin.ts';

/** More than the brokers take to look for leaders that are not the preferred ones. */
const MOVED_WITHIN_MS = 20_000;

/**
 * Has another one of the brokers that keep it lead each partition of these topics, and resolves when it does. The new leader
 * is made the preferred one; the brokers see to the rest, while everybody goes on writing.
 */
export const moveLeaders = (bus: Bus, topics: readonly string[], random: SeededRandom): Promise<void> =>
  withAdmin(bus, async (admin) => {
    const partitionsOf = async () => (await admin.fetchTopicMetadata({ topics: [...topics] })).topics;
    const wanted = (await partitionsOf()).map(({ name, partitions }) => ({
      topic: name,
      partitionAssignment: partitions.map(({ partitionId: partition, leader, replicas }) => {
        const others = replicas.filter((replica) => replica !== leader);
        const ahead = random.int(others.length);
        return { partition, replicas: [...others.slice(ahead), ...others.slice(0, ahead), leader] };
      }),
    }));
    await admin.alterPartitionReassignments({ topics: wanted, timeout: MOVED_WITHIN_MS });
    const due = wanted.flatMap(({ topic, partitionAssignment }) =>
      partitionAssignment.map(({ partition, replicas }) => `${topic}/${partition} ${replicas[0]}`),
    );
    const moved = await holdsWithin(MOVED_WITHIN_MS, async () => {
      const led = (await partitionsOf()).flatMap(({ name, partitions }) =>
        partitions.map(({ partitionId, leader }) => `${name}/${partitionId} ${leader}`),
      );
      return due.every((one) => led.includes(one));
    });
    if (!moved) throw new Error('the leaders did not move');
  });
