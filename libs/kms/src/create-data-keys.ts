import { randomBytes } from 'node:crypto';
import { type DataKey, dataKey } from '@vault-engine/crypto';
import type { DataKeys, KeyWrapper, UserId, WrappedDataKey } from '@vault-engine/vault';
import { LRUCache } from 'lru-cache';
import { dataKeyContext, InvalidWrappedKey, type KeyEnvironment } from './key-context.ts';

/** The wrapper and the limits of the cache. */
export interface DataKeysOptions {
  readonly wrapper: KeyWrapper;
  readonly env: KeyEnvironment;
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

/**
 * Unwraps and caches the users' data keys. A cached key is a KeyObject: its bytes are outside the JavaScript heap, and OpenSSL
 * clears them when the object is collected. An entry is served only for its own key id, and for at most `ttlMs` after the
 * unwrap. Concurrent requests for one key share one unwrap. Failures are not cached.
 *
 * The caller evicts a user who is forgotten and a key that is replaced. A new key may be used once its wrapped form is stored.
 */
export const createDataKeys = (options: DataKeysOptions): DataKeys => {
  const { wrapper, env, clock = () => performance.now(), maxEntries = 10_000, ttlMs = 300_000 } = options;
  const cached = new LRUCache<UserId, DataKey>({
    max: maxEntries,
    ttl: ttlMs,
    // Exact expiry; unused entries expire too.
    ttlResolution: 0,
    ttlAutopurge: true,
    perf: { now: clock },
  });
  const inProgress = new Map<UserId, UnwrapInProgress>();

  const unwrapOnce = (user: UserId, { kid, wrapped }: WrappedDataKey): Promise<DataKey> => {
    const current = inProgress.get(user);
    if (current?.kid.equals(kid)) return current.key;
    const key = unwrapKey(wrapper, env, user, { kid, wrapped });
    const mine: UnwrapInProgress = { kid, key };
    inProgress.set(user, mine);
    const settle = (cache: (() => void) | null) => {
      // Evicted or replaced meanwhile: callers get the key, but it is not cached.
      if (inProgress.get(user) !== mine) return;
      inProgress.delete(user);
      cache?.();
    };
    key.then(
      (unwrapped) => settle(() => cached.set(user, unwrapped)),
      () => settle(null),
    );
    return key;
  };

  return {
    keyOf: (user, wrapped) => {
      const known = cached.get(user);
      return known?.kid.equals(wrapped.kid) ? known : unwrapOnce(user, wrapped);
    },
    newKey: async (user) => {
      const generated = await generateKey(wrapper, env, user);
      inProgress.delete(user);
      cached.set(user, generated.dataKey);
      return generated;
    },
    evict: (user) => {
      inProgress.delete(user);
      cached.delete(user);
    },
  };
};

const unwrapKey = async (
  wrapper: KeyWrapper,
  env: KeyEnvironment,
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

const generateKey = async (wrapper: KeyWrapper, env: KeyEnvironment, user: UserId) => {
  const kid = randomBytes(KID_BYTES);
  const { plaintext, wrapped } = await wrapper.generate(dataKeyContext(env, user, kid));
  try {
    return { dataKey: dataKey(kid, plaintext), wrapped: { kid, wrapped } };
  } finally {
    plaintext.fill(0);
  }
};
