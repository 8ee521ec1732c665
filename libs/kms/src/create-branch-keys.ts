import { createSecretKey } from 'node:crypto';
import { type BranchKey, type BranchKeyName, canon, sha256 } from '@vault-engine/crypto';
import type { BranchKeyStore, KeyWrapper, UserId, WrappedBranchKey } from '@vault-engine/vault';
import { branchKeyContext, InvalidWrappedKey, type KeyEnvironment } from './key-context.ts';

/** The wrapper, the store and the lifetimes of branch keys. */
export interface BranchKeysOptions {
  readonly wrapper: KeyWrapper;
  readonly store: BranchKeyStore;
  readonly env: KeyEnvironment;
  /** How many branches new data keys are spread over. Users keep their branch when it changes. Default 64. */
  readonly branches?: number;
  /** How long an unwrapped key is used before it is unwrapped again, milliseconds. Default 10 minutes. */
  readonly ttlMs?: number;
  /** How long a key is used beyond its TTL while it can't be unwrapped again, milliseconds. Default 1 hour. */
  readonly outageMs?: number;
  /** Monotonic, milliseconds. Default `performance.now`. */
  readonly clock?: () => number;
  /** Unix milliseconds, for the creation time of new keys. Default `Date.now`. */
  readonly now?: () => number;
}

/**
 * The branch keys of this process. A branch key wraps the data keys of its users, and the key service wraps the branch key: so the
 * number of calls to the key service depends on the number of branches, not on the number of users.
 *
 * Rejects with `PortUnavailable` (`keys` or `storage`), and with `InvalidWrappedKey` for a stored branch key that does not open.
 */
export interface BranchKeys {
  /** The active branch key of a user's branch, for wrapping. Creates the branch's first key. Synchronous when it is cached. */
  activeKey(user: UserId): BranchKey | Promise<BranchKey>;
  /** A branch key by its name, for unwrapping. Synchronous when it is cached. */
  keyNamed(name: BranchKeyName): BranchKey | Promise<BranchKey>;
  /**
   * Rejects while a branch key can't be had, after one more attempt. Calls no service otherwise. For a service's readiness: its
   * cached keys may still be in use.
   */
  probe(): Promise<void>;
}

/** A data key names a branch key that the store does not have. That data key can't be opened; other keys are not affected. */
class UnknownBranchKey extends InvalidWrappedKey {}

/** A cached value. */
interface Entry<Value> {
  readonly value: Value;
  /** From when on it is loaded again in the background, by `clock`. */
  refreshAt: number;
  /** Until when it is used. */
  readonly usableUntil: number;
}

/** A cached value is loaded again when this part of its TTL has passed. */
const REFRESH_AHEAD = 0.8;
/** The pause between attempts to load a value again. */
const RETRY_MS = 5_000;
const DEFAULT_BRANCHES = 64;
const DEFAULT_TTL_MS = 600_000;
const DEFAULT_OUTAGE_MS = 3_600_000;
const FIRST_VERSION = 1;

/**
 * Unwraps branch keys at first use and caches them as KeyObjects. A cached key is returned without waiting. Ahead of the end of its
 * TTL it is unwrapped again in the background; while that fails it stays in use for `outageMs` more. A stored key that
 * no longer opens is dropped at once. Concurrent requests for one key share one unwrap. Which version of a branch is active is
 * cached likewise.
 */
export const createBranchKeys = (options: BranchKeysOptions): BranchKeys => {
  const { store, branches = DEFAULT_BRANCHES, ttlMs = DEFAULT_TTL_MS, outageMs = DEFAULT_OUTAGE_MS } = options;
  const { clock = () => performance.now(), now = Date.now } = options;
  const times = { ttlMs, outageMs, clock };
  const keys = outlivingCache<BranchKey>(times);
  const activeVersions = outlivingCache<number>(times);

  const keyNamed = ({ branch, version }: BranchKeyName) =>
    keys.get(`${branch}:${version}`, async () => {
      const stored = await store.readBranchKey(branch, version);
      if (stored === null) throw new UnknownBranchKey();
      return unwrapBranchKey(options, stored);
    });
  const activeVersion = (branch: number) =>
    activeVersions.get(`${branch}`, async () => {
      const stored = (await store.activeBranchKey(branch)) ?? (await createFirst(options, branch, now()));
      return stored.version;
    });

  return {
    activeKey: (user) => {
      const branch = branchOfUser(user, branches);
      const version = activeVersion(branch);
      return typeof version === 'number'
        ? keyNamed({ branch, version })
        : version.then((loaded) => keyNamed({ branch, version: loaded }));
    },
    keyNamed,
    probe: async () => {
      await activeVersions.retryFailed();
      await keys.retryFailed();
    },
  };
};

/** A cache whose entries stay in use for `outageMs` beyond their TTL while they can't be loaded again. */
const outlivingCache = <Value>(times: {
  readonly ttlMs: number;
  readonly outageMs: number;
  readonly clock: () => number;
}) => {
  const { ttlMs, outageMs, clock } = times;
  const cache = new Map<string, Entry<Value>>();
  const inProgress = new Map<string, Promise<Value>>();
  /** What could not be loaded at the last attempt. */
  const failed = new Map<string, () => Promise<Value>>();

  const loadOnce = (name: string, load: () => Promise<Value>): Promise<Value> => {
    const current = inProgress.get(name);
    if (current !== undefined) return current;
    const loading = load()
      .then(
        (value) => keep(name, value),
        (error: unknown) => fail(name, load, error),
      )
      .finally(() => inProgress.delete(name));
    inProgress.set(name, loading);
    return loading;
  };

  const keep = (name: string, value: Value): Value => {
    const start = clock();
    cache.set(name, { value, refreshAt: start + REFRESH_AHEAD * ttlMs, usableUntil: start + ttlMs + outageMs });
    failed.delete(name);
    return value;
  };

  const fail = (name: string, load: () => Promise<Value>, error: unknown): never => {
    if (error instanceof InvalidWrappedKey) cache.delete(name);
    if (!(error instanceof UnknownBranchKey)) failed.set(name, load);
    throw error;
  };

  return {
    /** The cached value, or the one that `load` resolves to. */
    get: (name: string, load: () => Promise<Value>): Value | Promise<Value> => {
      const entry = cache.get(name);
      if (entry === undefined || clock() >= entry.usableUntil) return loadOnce(name, load);
      if (clock() >= entry.refreshAt) {
        entry.refreshAt = clock() + RETRY_MS;
        loadOnce(name, load).catch(() => undefined);
      }
      return entry.value;
    },
    /** Loads again what could not be loaded. Rejects with the first failure. */
    retryFailed: async (): Promise<void> => {
      for (const [name, load] of failed) await loadOnce(name, load);
    },
  };
};

/** Spreads users evenly. The result is stored in each wrapped data key, so the number of branches may change. */
const branchOfUser = (user: UserId, branches: number): number =>
  sha256(canon('VE/branch/v1', user)).readUInt32BE(0) % branches;

/** Of several processes that create it at once, all get the one that is stored first. */
const createFirst = async (
  { wrapper, store, env }: BranchKeysOptions,
  branch: number,
  createdAt: number,
): Promise<WrappedBranchKey> => {
  const name = { branch, version: FIRST_VERSION };
  const { plaintext, wrapped } = await wrapper.generate(branchKeyContext(env, name));
  plaintext.fill(0);
  return store.addBranchKey({ ...name, wrapped, createdAt });
};

const unwrapBranchKey = async (
  { wrapper, env }: BranchKeysOptions,
  { branch, version, wrapped }: WrappedBranchKey,
): Promise<BranchKey> => {
  const plaintext = await wrapper.unwrap(wrapped, branchKeyContext(env, { branch, version }));
  try {
    return { branch, version, key: createSecretKey(plaintext) };
  } finally {
    plaintext.fill(0);
  }
};
