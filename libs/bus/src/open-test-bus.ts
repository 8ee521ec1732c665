import { type Bus, connectBus } from './bus.ts';
import { applyTopics } from './topics.ts';

/** The part of a test world that this library needs. */
interface World {
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  close(): Promise<void>;
}

/** A bus on the topics and groups of one test file. */
export function openTestBus(world: World) {
  const bus: Bus = connectBus({ brokers: world.brokers, clientId: `${world.topicPrefix}bus` });
  let topics = 0;
  return {
    bus,
    topicPrefix: world.topicPrefix,
    /** Creates a topic and returns its name. */
    topic: async (partitions: number, config: Readonly<Record<string, string>> = {}): Promise<string> => {
      topics += 1;
      const name = `${world.topicPrefix}t${topics}`;
      await applyTopics(bus, [{ name, partitions, config }], { replicationFactor: 1 });
      return name;
    },
    close: () => world.close(),
  };
}

export type TestBus = ReturnType<typeof openTestBus>;
