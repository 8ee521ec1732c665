import { type Bus, committedOffsets } from '@vault-engine/bus';

/** What a group had committed at a time. */
export interface CommitSample {
  /** Unix milliseconds, after the brokers answered: all of it was committed before. */
  readonly at: number;
  /** By partition. */
  readonly offsets: ReadonlyMap<number, bigint>;
}

/** A look at a group's offsets again and again. */
export interface CommitWatch {
  readonly stop: () => Promise<readonly CommitSample[]>;
}

const EVERY_MS = 250;

/** Writes down what a group commits, until told to stop. While the brokers do not answer there is nothing to write down. */
export const watchCommits = (bus: Bus, groupId: string, topic: string): CommitWatch => {
  const samples: CommitSample[] = [];
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  const look = async (): Promise<void> => {
    try {
      const offsets = await committedOffsets(bus, groupId, topic);
      samples.push({ at: Date.now(), offsets });
    } catch {
      // The brokers are out, which may be what the test is about.
    }
  };
  const watching = (async () => {
    while (!stopping) {
      await look();
      await Promise.race([stopped.promise, pause(EVERY_MS)]);
    }
    await look();
  })();
  return {
    stop: async () => {
      stopping = true;
      stopped.resolve();
      await watching;
      return samples;
    },
  };
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
