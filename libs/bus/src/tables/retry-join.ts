import { setTimeout as sleep } from 'node:timers/promises';
import { brokerErrorOf } from '../errors.ts';

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
