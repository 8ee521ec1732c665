import { type Bus, withAdmin } from './bus.ts';

/**
 * Deletes what stands before an offset, by partition: a log is shortened from its beginning only (KIP-107). Resolves when
 * nobody can read it any more.
 */
export function deleteRecordsBefore(bus: Bus, topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void> {
  const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
  return withAdmin(bus, async (admin) => {
    // deleteTopicRecords alone does not look up who leads the partitions.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions });
  });
}
