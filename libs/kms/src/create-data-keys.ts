import { randomBytes } from 'node:crypto';
import { type DataKey, dataKey } from '@vault-engine/crypto';
import type { DataKeys, KeyWrapper, UserId, WrappedDataKey } from '@vault-engine/vault';
import { LRUCache } from 'lru-cache';
import { InvalidWrappedKey } from './invalid-wrapped-key.ts';
import { dataKeyContext, type KeyEnvironment } from './key-context.ts';

export interface DataKeysOptions {
  readonly wrapper: KeyWrapper;
  readonly env: KeyEnvironment;
  /** Milliseconds that only rise; `performance.now` where nothing is said. */
  readonly clock?: () => number;
  readonly maxEntries?: number;
  readonly ttlMs?: number;
}

interface Unwrapping {
  readonly kid: Buffer;
  readonly key: Promise<DataKey>;
}

const KID_BYTES = 16;

/**
 * Keeps data keys as KeyObjects only: their bytes lie outside the JavaScript heap, and OpenSSL clears them when the
 * object is collected. Never on disk. An entry answers for its own key id alone, and no longer than `ttlMs`, however
 * often it is asked for. Many who ask at the same time cost one unwrap, and a failure is not remembered. A new key is good
 * once its wrapping is stored; evict after a user is forgotten and when a key is replaced.
 */
export const createDataKeys = (options: DataKeysOptions): DataKeys => {
  const { wrapper, env, clock = () => performance.now(), maxEntries = 10_000, ttlMs = 300_000 } = options;
  const cached = new LRUCache<UserId, DataKey>({
    max: maxEntries,
    ttl: ttlMs,
    // Exact, and entries that nobody asks for go as well.
    ttlResolution: 0,
    ttlAutopurge: true,
    perf: { now: clock },
  });
  const underWay = new Map<UserId, Unwrapping>();

  const unwrapOnce = (user: UserId, { kid, wrapped }: WrappedDataKey): Promise<DataKey> => {
    const current = underWay.get(user);
    if (current?.kid.equals(kid)) return current.key;
    const key = unwrapKey(wrapper, env, user, { kid, wrapped });
    const mine: Unwrapping = { kid, key };
    underWay.set(user, mine);
    const settle = (keep: (() => void) | null) => {
      // Evicted or overtaken meanwhile: those who wait get their answer, but it is not kept.
      if (underWay.get(user) !== mine) return;
      underWay.delete(user);
      keep?.();
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
      const made = await generateKey(wrapper, env, user);
      underWay.delete(user);
      cached.set(user, made.dataKey);
      return made;
    },
    evict: (user) => {
      underWay.delete(user);
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
    // A copy: the row's bytes may be a slice of a large answer, which would live as long as the entry.
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
