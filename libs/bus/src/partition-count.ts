import type { Admin } from 'kafkajs';
import { askAdmin, type Bus } from './bus.ts';
import { remedyFor } from './publish-failed.ts';

/** How many partitions the topic has; null: there is no such topic. Throws where the brokers do not answer. */
export function partitionCount(bus: Bus, topic: string): Promise<number | null> {
  return askAdmin(bus, (admin) => countOnce(admin, topic));
}

/** kafkajs counts "unknown topic" among the errors that pass; here it is the answer. */
async function countOnce(admin: Admin, topic: string): Promise<number | null> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic)?.partitions.length ?? null;
  } catch (error) {
    if (remedyFor(error) === 'rebuild') return null;
    throw error;
  }
}
