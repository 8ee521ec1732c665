import type { PartitionAssigner } from 'kafkajs';
import { AssignerProtocol } from './kafkajs.ts';

/**
 * kafkajs has no manual assignment: everything is a group. This assigner makes a group with one member as good as one,
 * by giving whoever leads it the partitions that it wants, whatever the topic has beside them.
 *
 * @param wanted those partitions; undefined: all that the topic has at the time
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
