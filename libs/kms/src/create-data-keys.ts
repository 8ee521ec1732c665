import { randomBytes } from 'node:crypto';
import { type BranchKey, branchOf, type DataKey, dataKey, unwrapDataKey, wrapDataKey } from '@vault-engine/crypto';
import { type DataKeys, type KeyWrapper, PortUnavailable, type UserId, type WrappedDataKey } from '@vault-engine/vault';
import { LRUCache } from 'lru-cache';
import type { BranchKeys } from './create-branch-keys.ts';
import { dataKeyContext, InvalidWrappedKey, type KeyEnvironment } from './key-context.ts';

/** The wrapper and the limits of the cache. */
export interface DataKeysOptions {
  readonly wrapper: KeyWrapper;
  readonly env: KeyEnvironment;
  /** Unwraps data keys that a branch key wrapped. Null: such keys can't be opened, and new keys are wrapped by `wrapper`. */
  readonly branchKeys: BranchKeys | null;
  /** Wraps new data keys under branch keys. Default true; false wraps them by `wrapper`, as releases before did. */
  readonly wrapUnderBranches?: boolean;
  /** A monotonic clock, milliseconds. Default `performance.now`. */
  readonly clock?: () => number;
  /** Cached keys. Default 10,000. */
  readonly maxEntries?: number;
  /** Lifetime of a cached key, milliseconds. Default 5 minutes. */
  readonly ttlMs?: number;
}

interface UnwrapInProgress {
  readonly kid: Buffer;
  readonly key: Promise<DataKey>;
}

const KID_BYTES = 16;
const KEY_BYTES = 32;
const SWEEP_MS = 60_000;

/**
 * Unwraps and caches the users' data keys. A cached key is a KeyObject: its bytes are outside the JavaScript heap, and OpenSSL
 * clears them when the object is collected. An entry is served only for its own key id, and for at most `ttlMs` after the
 * unwrap. Concurrent requests for one key share one unwrap. Failures are not cached.
 *
 * Data keys have two wrapped forms: under a branch key, and by the key service itself, as releases before the branch keys wrote them. Both
 * are read. `rewrap` gives a key of the second form the first one.
 *
 * The caller evicts a user who is forgotten and a key that is replaced. A new key may be used once its wrapped form is stored.
 */
export const createDataKeys = (options: DataKeysOptions): DataKeys => {
  const { clock = () => performance.now(), maxEntries = 10_000, ttlMs = 300_000 } = options;
  const { branchKeys, wrapUnderBranches = true } = options;
  const wrapping = wrapUnderBranches ? branchKeys : null;
  const cached = new LRUCache<UserId, DataKey>({
    max: maxEntries,
    ttl: ttlMs,
    // Exact expiry.
    ttlResolution: 0,
    perf: { now: clock },
  });
  // Unused entries expire too. One timer for all: a timer for each entry costs more than the unwrap.
  let sweeper: NodeJS.Timeout | undefined;
  const sweep = (): void => {
    cached.purgeStale();
    if (cached.size > 0) return;
    clearInterval(sweeper);
    sweeper = undefined;
  };
  const inProgress = new Map<UserId, UnwrapInProgress>();

  const unwrapOnce = (user: UserId, kid: Buffer, work: () => Promise<DataKey>): Promise<DataKey> => {
    const current = inProgress.get(user);
    if (current?.kid.equals(kid)) return current.key;
    const key = work();
    const mine: UnwrapInProgress = { kid, key };
    inProgress.set(user, mine);
    const settle = (unwrapped: DataKey | null) => {
      // Evicted or replaced meanwhile: callers get the key, but it is not cached.
      if (inProgress.get(user) !== mine) return;
      inProgress.delete(user);
      if (unwrapped !== null) cache(user, unwrapped);
    };
    key.then(settle, () => settle(null));
    return key;
  };

  const cache = (user: UserId, key: DataKey): DataKey => {
    inProgress.delete(user);
    cached.set(user, key);
    sweeper ??= setInterval(sweep, SWEEP_MS).unref();
    return key;
  };

  /** Synchronous where the branch key is cached, for most commands of most users. */
  const unwrap = (user: UserId, wrapped: WrappedDataKey): DataKey | Promise<DataKey> => {
    const name = branchOf(wrapped.wrapped);
    if (name === null) return unwrapOnce(user, wrapped.kid, () => unwrapByService(options, user, wrapped));
    if (branchKeys === null)
      throw new PortUnavailable('keys', 'no branch keys are configured', { reason: 'no_branch_keys' });
    const branchKey = branchKeys.keyNamed(name);
    return branchKey instanceof Promise
      ? unwrapOnce(user, wrapped.kid, () => branchKey.then((key) => unwrapUnder(options, key, user, wrapped)))
      : cache(user, unwrapUnder(options, branchKey, user, wrapped));
  };

  return {
    keyOf: (user, wrapped) => {
      const known = cached.get(user);
      return known?.kid.equals(wrapped.kid) ? known : unwrap(user, wrapped);
    },
    newKey: async (user) => {
      const generated = await (wrapping === null
        ? generateByService(options, user)
        : generateUnder(options, await wrapping.activeKey(user), user));
      cache(user, generated.dataKey);
      return generated;
    },
    rewrap: async (user, wrapped) => {
      if (wrapping === null || branchOf(wrapped.wrapped) !== null) return null;
      try {
        const known = cached.get(user);
        const key = known?.kid.equals(wrapped.kid) ? known : await unwrap(user, wrapped);
        return wrapUnder(options, await wrapping.activeKey(user), user, key);
      } catch {
        // The stored form stays, and the next write tries again.
        return null;
      }
    },
    evict: (user) => {
      inProgress.delete(user);
      cached.delete(user);
    },
  };
};

type Wrapping = Pick<DataKeysOptions, 'wrapper' | 'env'>;

const unwrapUnder = (
  { env }: Wrapping,
  branchKey: BranchKey,
  user: UserId,
  { kid, wrapped }: WrappedDataKey,
): DataKey => {
  const unwrapped = unwrapDataKey(branchKey, { environment: env, user, kid }, wrapped);
  if (!unwrapped.ok) throw new InvalidWrappedKey();
  try {
    return dataKey(Buffer.from(kid), unwrapped.value);
  } finally {
    unwrapped.value.fill(0);
  }
};

const generateUnder = (parts: Wrapping, branchKey: BranchKey, user: UserId) => {
  const plaintext = randomBytes(KEY_BYTES);
  try {
    const key = dataKey(randomBytes(KID_BYTES), plaintext);
    return { dataKey: key, wrapped: wrapUnder(parts, branchKey, user, key) };
  } finally {
    plaintext.fill(0);
  }
};

const wrapUnder = ({ env }: Wrapping, branchKey: BranchKey, user: UserId, { kid, key }: DataKey): WrappedDataKey => {
  const plaintext = key.export();
  try {
    return { kid, wrapped: wrapDataKey(branchKey, { environment: env, user, kid }, plaintext) };
  } finally {
    plaintext.fill(0);
  }
};

const unwrapByService = async (
  { wrapper, env }: Wrapping,
  user: UserId,
  { kid, wrapped }: WrappedDataKey,
): Promise<DataKey> => {
  if (kid.length !== KID_BYTES) throw new InvalidWrappedKey();
  const plaintext = await wrapper.unwrap(wrapped, dataKeyContext(env, user, kid));
  try {
    // A copy: the row's bytes may be a slice of a large reply, which the cache would keep alive.
    return dataKey(Buffer.from(kid), plaintext);
  } finally {
    plaintext.fill(0);
  }
};

const generateByService = async ({ wrapper, env }: Wrapping, user: UserId) => {
  const kid = randomBytes(KID_BYTES);
  const { plaintext, wrapped } = await wrapper.generate(dataKeyContext(env, user, kid));
  try {
    return { dataKey: dataKey(kid, plaintext), wrapped: { kid, wrapped } };
  } finally {
    plaintext.fill(0);
  }
};
