import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, type BusRecord, followTable } from '@vault-engine/bus';
import { RegistryUnavailable } from '@vault-engine/contracts';
import type { Result } from '@vault-engine/crypto';
import { PortUnavailable } from '@vault-engine/vault';
import { type Engine, type EntryFault, type ReadingParts, readEntry } from './read-entry.ts';

/** What the table follows, and whom it tells. */
export interface TableParts extends ReadingParts {
  readonly bus: Bus;
  /** `vault.engines`. */
  readonly topic: string;
  /** Told of a message that does not come into force; the last good entry stays. Worth an alarm: nobody but the CLI writes. */
  readonly onRefused: (engine: string, reason: EntryFault) => void;
  /** Told when an entry waits for the key service or the registry, and again at each further attempt. */
  readonly onWaiting: (engine: string, error: PortUnavailable | RegistryUnavailable) => void;
  /** The table follows no more: the process should end. */
  readonly onFatal: (error: unknown) => void;
  /** Gives the start up. */
  readonly signal?: AbortSignal;
}

/** What became of one message of the table. */
export interface Verdict {
  readonly engine: string;
  readonly offset: bigint;
  readonly result: Result<Engine, EntryFault>;
}

/** The table of engines in memory. */
export interface EngineTable {
  /** What is known of an engine; undefined for one that is not. No look-up leaves memory. */
  readonly get: (engine: string) => Engine | undefined;
  readonly all: () => readonly Engine[];
  /**
   * Engines whose last message was refused. Compaction keeps the last message of each key, good or not, so whoever
   * administers publishes these again.
   */
  readonly buried: () => readonly Engine[];
  /** Calls back for each message from now on; answers how to end that. */
  readonly onVerdict: (listener: (verdict: Verdict) => void) => () => void;
  readonly close: () => Promise<void>;
}

/**
 * Reads the table of engines whole, then follows it, so that a revocation takes effect in seconds. Resolves when each
 * message that the topic held at the start is judged (`readEntry`); while the key service or the registry does not
 * answer, that waits.
 */
export const followEngines = async (parts: TableParts): Promise<EngineTable> => {
  const state: State = { engines: new Map(), buried: new Set(), listeners: new Set(), queues: new Map() };
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
    buried: () => [...state.buried].flatMap((name) => state.engines.get(name) ?? []),
    onVerdict: (listener) => {
      state.listeners.add(listener);
      return () => void state.listeners.delete(listener);
    },
    close,
  };
};

interface State {
  readonly engines: Map<string, Engine>;
  readonly buried: Set<string>;
  readonly listeners: Set<(verdict: Verdict) => void>;
  /** Of each engine that has messages waiting, the last one. */
  readonly queues: Map<string, Promise<void>>;
}

/**
 * Messages of one engine are judged one after the other, so that two revisions do not overtake each other at the key
 * service; another engine's outage holds nobody up.
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
  const result = await onceAnswered(parts, name, signal, () => readEntry(parts, state.engines.get(name), name, value));
  if (result.ok) {
    state.engines.set(name, result.value);
    state.buried.delete(name);
  } else {
    if (state.engines.has(name)) state.buried.add(name);
    parts.onRefused(name, result.reason);
  }
  for (const listener of state.listeners) listener({ engine: name, offset, result });
};

const RETRY_MS = 500;

/** Tries until the key service and the registry answer. Rejects with the signal's reason once it is aborted. */
const onceAnswered = async <T>(
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
