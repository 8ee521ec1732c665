import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What brokers answer a join while the group's coordinator is made, moved, or reads its part of `__consumer_offsets`: all
 * first joins on a new cluster meet it. kafkajs waits for a coordinator, and gives up at once where it then says this.
 */
const SOON: ReadonlySet<unknown> = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);
const LIMIT_MS = 15_000;
const PAUSE_MS = 100;

/** What `join` comes to when the coordinator is ready for it. Any other failure is not repeated. */
export async function onceCoordinated<T>(join: () => Promise<T>): Promise<T> {
  const limit = performance.now() + LIMIT_MS;
  while (true) {
    try {
      return await join();
    } catch (error) {
      if (!isSoon(error) || performance.now() > limit) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

/** By kafkajs's name for the broker's error code. */
function isSoon(error: unknown): boolean {
  return error instanceof Error && 'type' in error && SOON.has(error.type);
}
