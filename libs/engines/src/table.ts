import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, type BusRecord, followTable } from '@vault-engine/bus';
import { RegistryUnavailable } from '@vault-engine/contracts';
import type { Result } from '@vault-engine/crypto';
import { PortUnavailable } from '@vault-engine/vault';
import { type Engine, type EntryFault, type ReadingParts, readEntry } from './read-entry.ts';

/** What the table reads, and its callbacks. */
export interface TableParts extends ReadingParts {
  readonly bus: Bus;
  /** `vault.engines`. */
  readonly topic: string;
  /** Called for a rejected message; the accepted entry stays. Worth an alarm, because only the CLI writes. */
  readonly onRefused: (engine: string, reason: EntryFault) => void;
  /** Called at each failed attempt to reach the key service or the registry for an entry. */
  readonly onWaiting: (engine: string, error: PortUnavailable | RegistryUnavailable) => void;
  /** Called when the table stops following the topic. The process should exit. */
  readonly onFatal: (error: unknown) => void;
  /** Aborts the start. */
  readonly signal?: AbortSignal;
}

/** The result of judging one message of the table. */
export interface Verdict {
  readonly engine: string;
  readonly offset: bigint;
  readonly result: Result<Engine, EntryFault>;
}

/** The table of engines in memory. */
export interface EngineTable {
  /** The accepted engine; undefined for an unknown one. Reads memory only. */
  readonly get: (engine: string) => Engine | undefined;
  readonly all: () => readonly Engine[];
  /**
   * Engines whose last message was rejected. Compaction keeps the last message of each key, accepted or not, so an
   * administration publishes the accepted entry again.
   */
  readonly overwritten: () => readonly Engine[];
  /** Calls `listener` for each message from now on. Returns a function that ends this. */
  readonly onVerdict: (listener: (verdict: Verdict) => void) => () => void;
  readonly close: () => Promise<void>;
}

/**
 * Reads the whole table of engines and then follows it, so that a revocation takes effect in seconds. Resolves when every message that
 * was in the topic at the start is judged by `readEntry`. Waits while the key service or the registry is unavailable.
 */
export const followEngines = async (parts: TableParts): Promise<EngineTable> => {
  const state: State = { engines: new Map(), overwritten: new Set(), listeners: new Set(), queues: new Map() };
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ...(parts.signal === undefined ? [] : [parts.signal])]);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const fail = (error: unknown): void => {
    if (signal.aborted) return;
    failed.reject(error);
    parts.onFatal(error);
  };
  const follower = await followTable(parts.bus, {
    topic: parts.topic,
    onChange: (key, value, record) =>
      enqueue(state, key.toString(), () => judge(parts, state, value, record, signal), fail),
    onFatal: fail,
  });
  const close = async (): Promise<void> => {
    stopping.abort();
    await follower.close();
  };
  try {
    await Promise.race([loaded(follower.ready, state), failed.promise, rejectOn(signal)]);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    get: (engine) => state.engines.get(engine),
    all: () => [...state.engines.values()],
    overwritten: () => [...state.overwritten].flatMap((name) => state.engines.get(name) ?? []),
    onVerdict: (listener) => {
      state.listeners.add(listener);
      return () => void state.listeners.delete(listener);
    },
    close,
  };
};

interface State {
  readonly engines: Map<string, Engine>;
  readonly overwritten: Set<string>;
  readonly listeners: Set<(verdict: Verdict) => void>;
  /** The tail of the promise chain of each engine with unjudged messages. */
  readonly queues: Map<string, Promise<void>>;
}

/**
 * Judges the messages of one engine in order, so that no revision overtakes another at the key service. Engines do not wait
 * for each other.
 */
const enqueue = ({ queues }: State, name: string, work: () => Promise<void>, fail: (error: unknown) => void): void => {
  const last = (queues.get(name) ?? Promise.resolve()).then(work).catch(fail);
  queues.set(name, last);
  void last.then(() => {
    if (queues.get(name) === last) queues.delete(name);
  });
};

const judge = async (
  parts: TableParts,
  state: State,
  value: Buffer | null,
  { key, offset }: BusRecord,
  signal: AbortSignal,
): Promise<void> => {
  const name = key?.toString() ?? '';
  const result = await retryUntilAvailable(parts, name, signal, () =>
    readEntry(parts, state.engines.get(name), name, value),
  );
  if (result.ok) {
    state.engines.set(name, result.value);
    state.overwritten.delete(name);
  } else {
    if (state.engines.has(name)) state.overwritten.add(name);
    parts.onRefused(name, result.reason);
  }
  for (const listener of state.listeners) listener({ engine: name, offset, result });
};

const RETRY_MS = 500;

/** Repeats `attempt` until the key service and the registry respond. Rejects with the signal's reason once it is aborted. */
const retryUntilAvailable = async <T>(
  { onWaiting }: TableParts,
  engine: string,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> => {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof PortUnavailable || error instanceof RegistryUnavailable)) throw error;
      onWaiting(engine, error);
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
};

const loaded = async (ready: Promise<void>, { queues }: State): Promise<void> => {
  await ready;
  await Promise.all(queues.values());
};

const rejectOn = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
