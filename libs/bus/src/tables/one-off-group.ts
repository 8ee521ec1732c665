import { setTimeout as sleep } from 'node:timers/promises';
import type { PartitionAssigner } from 'kafkajs';
import { brokerErrorOf } from '../errors.ts';
import { AssignerProtocol } from '../kafkajs/kafkajs.ts';

/**
 * Replaces manual assignment, which kafkajs does not have: assigns given partitions to the one member of a one-off group.
 *
 * @param wanted the partitions; undefined: all partitions of the topic at the time of the join
 */
export function pinnedAssigner(topic: string, wanted: readonly number[] | undefined): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'pinned',
    version: 0,
    assign: async ({ members }) => {
      const partitions = wanted ?? cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      const memberAssignment = AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment: { [topic]: [...partitions] },
        userData: Buffer.alloc(0),
      });
      return members.map(({ memberId }) => ({ memberId, memberAssignment }));
    },
    protocol: ({ topics }) => ({
      name: 'pinned',
      metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
    }),
  });
}

/**
 * Broker errors while a group's coordinator is created, moved, or loads its part of `__consumer_offsets`. All first joins on a
 * new cluster get them. kafkajs waits for a coordinator, and gives up at once on these.
 */
const COORDINATOR_LOADING: ReadonlySet<string> = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);
const LIMIT_MS = 15_000;
const PAUSE_MS = 100;

/** Retries `join` while the group's coordinator is not ready. Other errors are thrown at once. */
export async function retryJoin<T>(join: () => Promise<T>): Promise<T> {
  const limit = performance.now() + LIMIT_MS;
  while (true) {
    try {
      return await join();
    } catch (error) {
      if (!COORDINATOR_LOADING.has(brokerErrorOf(error) ?? '') || performance.now() > limit) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
