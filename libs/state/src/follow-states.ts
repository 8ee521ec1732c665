import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, type BusRecord, followTable, type TableOptions } from '@vault-engine/bus/client';
import { type Codec, RegistryUnavailable } from '@vault-engine/contracts';
import { readState, type StateRecord } from './read-state.ts';

/** Options of {@link followStates}. */
export interface FollowStatesOptions {
  readonly bus: Bus;
  readonly codec: Pick<Codec, 'decode'>;
  /** `vault.connection-state`. */
  readonly topic: string;
  /** Called for each record in partition order; `at` is the Kafka record. */
  readonly onRecord: (record: StateRecord, at: BusRecord) => void;
  /** Called when the topic was deleted and recreated; it is then read from its beginning. */
  readonly onReset: NonNullable<TableOptions['onReset']>;
  /** Called when following has ended because of an error. */
  readonly onFatal: (error: unknown) => void;
}

/** Reads the state topic from its beginning and follows it. The caller applies the revision rule: `supersedes`. */
export const followStates = ({ codec, onRecord, ...options }: FollowStatesOptions): Promise<Following> =>
  followDecoded({
    ...options,
    read: (at) => {
      const record = readState(codec, at);
      return record instanceof Promise ? record.then((late) => ({ record: late, at })) : { record, at };
    },
    onRead: ({ record, at }) => onRecord(record, at),
  });

/** Options of {@link followDecoded}. */
export interface FollowOptions<Read> {
  readonly bus: Bus;
  readonly topic: string;
  /** Decodes a record. A rejection with `RegistryUnavailable` is retried; later records of the topic wait for it. */
  readonly read: (record: BusRecord) => Read | Promise<Read>;
  /** Called for each decoded record, in partition order. */
  readonly onRead: (read: Read) => void;
  readonly onReset?: TableOptions['onReset'];
  /** Called when following has ended because of an error. */
  readonly onFatal: (error: unknown) => void;
}

/** A compacted topic that is being followed. */
export interface Following {
  /** Resolves when every record that the topic had at the start has been read. */
  readonly ready: Promise<void>;
  readonly close: () => Promise<void>;
}

const RETRY_AFTER_MS = 500;

/** Reads a compacted topic from its beginning and follows it, across restarts of brokers and registry. */
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
  // A caller that closes early does not await `ready`; its rejection must not be unhandled.
  ready.catch(() => undefined);
  return {
    ready,
    close: async () => {
      stopping.abort();
      await table.close();
    },
  };
};

/** Synchronous where `attempt` is. */
const untilAnswered = <T>(attempt: () => T | Promise<T>, signal: AbortSignal): T | Promise<T> => {
  const answer = attempt();
  return answer instanceof Promise ? retried(answer, attempt, signal) : answer;
};

const retried = async <T>(first: Promise<T>, attempt: () => T | Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let answer: T | Promise<T> = first; ; answer = attempt()) {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof RegistryUnavailable)) throw error;
      await sleep(RETRY_AFTER_MS, undefined, { signal });
    }
  }
};

/** Processes items one after another. */
export interface InOrder<In> {
  readonly take: (item: In) => void;
  /** Resolves when all taken items have been passed on. */
  readonly settled: () => Promise<void>;
}

/**
 * Passes the result of `read` for each item to `passOn`, in the order of the items. A synchronous result is passed on
 * synchronously; after an asynchronous one, later items wait. Rejections of `read` go to `fail`.
 */
export const inOrder = <In, Out>(
  read: (item: In) => Out | Promise<Out>,
  passOn: (out: Out) => void,
  fail: (error: unknown) => void,
): InOrder<In> => {
  let last: Promise<void> | null = null;
  const wait = (work: Promise<void>): void => {
    const mine = work.catch(fail);
    last = mine;
    void mine.then(() => {
      if (last === mine) last = null;
    });
  };
  return {
    take: (item) => {
      if (last !== null) return wait(last.then(async () => passOn(await read(item))));
      const out = read(item);
      if (out instanceof Promise) wait(out.then(passOn));
      else passOn(out);
    },
    settled: () => last ?? Promise.resolve(),
  };
};
