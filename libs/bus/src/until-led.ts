import { setTimeout as sleep } from 'node:timers/promises';

/** How many partitions of the topic have a leader that answers. Throws where one has none. Asks anew, whom it asks and what. */
export type AskLeaders = (topic: string) => Promise<number>;

/** A topic that was just made, or made wider. */
export interface CreatedTopic {
  readonly name: string;
  readonly partitions: number;
}

const LIMIT_MS = 30_000;
const PAUSE_MS = 100;

/**
 * Resolves when the leader of each partition of these topics answers for it. A broker that has said that a topic is created
 * may itself not know it yet, and a partition that is known may have no leader yet; under load both take seconds.
 *
 * @throws what was said last, after half a minute
 */
export async function untilLed(ask: AskLeaders, topics: readonly CreatedTopic[]): Promise<void> {
  const limit = performance.now() + LIMIT_MS;
  await Promise.all(topics.map((topic) => untilOneIsLed(ask, topic, limit)));
}

async function untilOneIsLed(ask: AskLeaders, { name, partitions }: CreatedTopic, limit: number): Promise<void> {
  while (true) {
    try {
      const led = await ask(name);
      if (led >= partitions) return;
      throw new Error(`${led} of ${partitions} partitions of ${name} have a leader`);
    } catch (error) {
      if (performance.now() > limit) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
