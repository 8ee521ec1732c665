import { type CircuitState, type CircuitStore, NEW_CIRCUIT, PortUnavailable } from '@vault-engine/vault';
import { Redis } from 'ioredis';

/** Where the circuits are kept. */
export interface ShareCircuitsOptions {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url: string;
  /** Prefix of the key. */
  readonly keyPrefix: string;
}

/** Time limit of one command, milliseconds. */
const ANSWER_MS = 1_000;
/** How often a change is tried when other processes change the same circuit. */
const MAX_CONFLICTS = 20;

/** Writes ARGV[3] to the field ARGV[1] if it still holds ARGV[2], and answers what it held before. */
const SWAP = `
local held = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if held == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return held`;

/**
 * Opens the circuits that all processes with the same server and prefix share: one hash, a field of JSON per circuit, changed by
 * compare-and-set. Changes of one process to one circuit run one after the other. The caller closes it.
 */
export const openSharedCircuits = ({
  url,
  keyPrefix,
}: ShareCircuitsOptions): CircuitStore & { readonly close: () => Promise<void> } => {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    commandTimeout: ANSWER_MS,
    retryStrategy: (times) => Math.min(times * 50, ANSWER_MS),
  });
  // A failed command rejects at its caller. Without a listener ioredis would print the error to the console.
  redis.on('error', () => undefined);
  const key = `${keyPrefix}:circuits`;
  const tails = new Map<string, Promise<unknown>>();
  const lastSeen = new Map<string, string>();

  const swap = async <T>(circuit: string, change: Parameters<CircuitStore['update']>[1]): Promise<T> => {
    // What this process wrote or saw last is mostly what is there: then one round trip is enough.
    let before = lastSeen.get(circuit) ?? (await redis.hget(key, circuit)) ?? '';
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const { state, answer } = change(parsed(before));
      const after = JSON.stringify(state);
      const held = String(await redis.eval(SWAP, 1, key, circuit, before, after));
      lastSeen.set(circuit, held === before ? after : held);
      if (held === before) return answer as T; // of this `change`
      before = held;
    }
    throw new PortUnavailable('storage', 'the circuit of a platform is being changed by others without pause');
  };

  return {
    update: (circuit, change) => {
      const run = () => orUnavailable(swap<ReturnType<typeof change>['answer']>(circuit, change));
      const turn = (tails.get(circuit) ?? Promise.resolve()).then(run, run);
      const settled = turn.catch(() => undefined);
      tails.set(circuit, settled);
      void settled.then(() => (tails.get(circuit) === settled ? tails.delete(circuit) : undefined));
      return turn;
    },
    list: async () =>
      Object.entries(await orUnavailable(redis.hgetall(key))).map(([circuit, text]) => ({
        circuit,
        state: parsed(text),
      })),
    close: async () => {
      redis.disconnect();
    },
  };
};

/** A state that another version wrote may lack fields or not read at all; what is missing is as new. */
const parsed = (text: string): CircuitState => {
  if (text === '') return NEW_CIRCUIT;
  try {
    const state: unknown = JSON.parse(text);
    return typeof state === 'object' && state !== null ? { ...NEW_CIRCUIT, ...state } : NEW_CIRCUIT;
  } catch {
    return NEW_CIRCUIT;
  }
};

const orUnavailable = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PortUnavailable) throw error;
    throw new PortUnavailable(
      'storage',
      'the circuit of a platform could not be read or written; Redis did not answer',
      {
        cause: error,
      },
    );
  }
};
