import type { Bus } from '@vault-engine/bus';
import { withAdmin } from './with-admin.ts';

/** The broker that coordinates a group: it leads the group's partition of `__consumer_offsets`. */
export const coordinatorOf = async (bus: Bus, groupId: string): Promise<number> => {
  let leader: number | undefined;
  await withAdmin(bus, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: ['__consumer_offsets'] });
    const partitions = topics[0]?.partitions ?? [];
    const ours = (hashOf(groupId) & 0x7fffffff) % partitions.length;
    leader = partitions.find(({ partitionId }) => partitionId === ours)?.leader;
  });
  if (leader === undefined) throw new Error(`nobody coordinates ${groupId}`);
  return leader;
};

/** As `String.hashCode` of Java has it, by which brokers choose the partition. */
const hashOf = (text: string): number =>
  [...text].reduce((hash, char) => (Math.imul(31, hash) + char.charCodeAt(0)) | 0, 0);
