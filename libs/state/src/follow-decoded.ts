import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, type BusRecord, followTable, type TableOptions } from '@vault-engine/bus';
import { RegistryUnavailable } from '@vault-engine/contracts';
import { inOrder } from './in-order.ts';

/** How a compacted topic is followed and read. */
export interface FollowOptions<Read> {
  readonly bus: Bus;
  readonly topic: string;
  /** What a message says. While it rejects with `RegistryUnavailable`, it is tried again, and what follows waits. */
  readonly read: (record: BusRecord) => Read | Promise<Read>;
  /** Told of each message, in the order of its partition. */
  readonly onRead: (read: Read) => void;
  readonly onReset?: TableOptions['onReset'];
  /** The topic is followed no more. */
  readonly onFatal: (error: unknown) => void;
}

/** A compacted topic, followed and read. */
export interface Following {
  /** Resolves when all that the topic held at the start is read. */
  readonly ready: Promise<void>;
  readonly close: () => Promise<void>;
}

const ASK_AGAIN_MS = 500;

/** Reads a compacted topic from its beginning and follows it, through restarts of the brokers and of the registry. */
export const followDecoded = async <Read>(options: FollowOptions<Read>): Promise<Following> => {
  const { bus, topic, read, onRead, onReset, onFatal } = options;
  const stopping = new AbortController();
  const fail = (error: unknown): void => {
    if (!stopping.signal.aborted) onFatal(error);
  };
  const readings = inOrder((record: BusRecord) => untilAnswered(() => read(record), stopping.signal), onRead, fail);
  const table = await followTable(bus, {
    topic,
    onChange: (_key, _value, record) => readings.take(record),
    ...(onReset === undefined ? {} : { onReset }),
    onFatal: fail,
  });
  const ready = table.ready.then(() => readings.settled());
  // Whoever closes early does not wait for it.
  ready.catch(() => undefined);
  return {
    ready,
    close: async () => {
      stopping.abort();
      await table.close();
    },
  };
};

/** At once where `attempt` answers at once. */
const untilAnswered = <T>(attempt: () => T | Promise<T>, signal: AbortSignal): T | Promise<T> => {
  const answer = attempt();
  return answer instanceof Promise ? again(answer, attempt, signal) : answer;
};

const again = async <T>(first: Promise<T>, attempt: () => T | Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let answer: T | Promise<T> = first; ; answer = attempt()) {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof RegistryUnavailable)) throw error;
      await sleep(ASK_AGAIN_MS, undefined, { signal });
    }
  }
};
