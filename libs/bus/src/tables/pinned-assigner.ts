import type { PartitionAssigner } from 'kafkajs';
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
