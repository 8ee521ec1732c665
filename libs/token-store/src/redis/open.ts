import { PortUnavailable, type TokenStore } from '@vault-engine/vault';
import type { Redis } from 'ioredis';
import { apply } from './apply.ts';
import { checkDurability, StoreNotDurable } from './check-durability.ts';
import { connect, type StoreLog } from './connect.ts';
import { dedupe } from './dedupe.ts';
import { postpone, takeDue, upcoming } from './due.ts';
import { gatherReads } from './gather-reads.ts';
import { keysUnder } from './keys.ts';
import { claim, hold, release } from './lease.ts';
import type { Link } from './link.ts';
import { readPending, settle } from './pending.ts';
import { persist } from './persist.ts';
import { readConnection, readUser } from './read.ts';
import { readUsers } from './read-users.ts';
import { RecentConnections } from './recent-connections.ts';

/** Where the store is and how patient it is. */
export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url: string;
  /** Begins every key: 1–64 of `A-Z a-z 0-9 . _ : -`. `vault` where none is given. */
  readonly keyPrefix?: string;
  /** Refuses a server that evicts keys or has no append-only file. True where nothing is said; otherwise it warns. */
  readonly requireDurable?: boolean;
  /** With replicas: how many of them acknowledge a change before it is answered, and within which time (milliseconds). */
  readonly waitReplicas?: { readonly count: number; readonly withinMs: number } | null;
  /** How long one call goes on, all its attempts together: milliseconds, 1500 where nothing is said. */
  readonly retryForMs?: number;
  /** How long one attempt waits for its answer: milliseconds, 500 where nothing is said. */
  readonly attemptMs?: number;
  readonly log?: StoreLog;
  /** In [0, 1), for the jitter of repetitions. */
  readonly random?: () => number;
}

const PROBE_KEPT_MS = 10_000;

/**
 * Opens the token store on Redis 7 or newer.
 *
 * @throws PortUnavailable where the server does not answer within `retryForMs`
 * @throws StoreNotDurable where its settings would lose acknowledged changes, and `requireDurable` is not false
 */
export const openRedisStore = async (options: RedisStoreOptions): Promise<TokenStore> => {
  const { retryForMs = 1500, attemptMs = 500, random = Math.random, log, requireDurable = true } = options;
  const keys = keysUnder(options.keyPrefix ?? 'vault');
  const redis = connect(options.url, attemptMs, log);
  const persisting: Link['persist'] = (attempt) => persist({ retryForMs, attemptMs, random }, attempt);
  const link: Link = {
    redis,
    keys,
    persist: persisting,
    read: gatherReads({ redis, persist: persisting }),
    recent: new RecentConnections(),
    replicas: options.waitReplicas ?? null,
  };
  try {
    await insistOnDurability(link, requireDurable, log);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return storeOn(link);
};

const insistOnDurability = async ({ redis, persist }: Link, required: boolean, log?: StoreLog): Promise<void> => {
  const { loses, risks } = await persist(() => checkDurability(redis));
  if (required && loses.length > 0) throw new StoreNotDurable(loses);
  for (const reason of [...loses, ...risks]) log?.warn('the token store may lose changes', { reason });
};

const storeOn = (link: Link): TokenStore => {
  const { redis, keys } = link;
  let closed = false;
  let [firstShard, firstDueShard] = [0, 0];
  /** Waiting for a connection that will not come helps nobody. */
  const open = (): Link => {
    if (closed) throw new PortUnavailable('storage', 'the token store is closed');
    return link;
  };
  return {
    readConnection: async (user, platform) => readConnection(open(), user, platform),
    readUser: async (user, platform, dedupeId, refusalId) => readUser(open(), user, platform, dedupeId, refusalId),
    apply: async (change) => apply(open(), change),
    dedupe: async (user, entry) => dedupe(open(), user, entry),
    users: () => readUsers(open),
    claim: async (of) => claim(open(), of),
    hold: async (of) => hold(open(), of),
    release: async (of) => release(open(), of),
    takeDue: async (limit, againInMs) => {
      const { found, nextShard } = await takeDue(open(), firstDueShard, limit, againInMs);
      firstDueShard = nextShard;
      return found;
    },
    postpone: async (due) => postpone(open(), due),
    upcoming: async (limit) => upcoming(open(), limit),
    pending: async (olderThanMs, limit) => {
      const { found, nextShard } = await readPending(open(), firstShard, olderThanMs, limit);
      firstShard = nextShard;
      return found;
    },
    settle: async (refs) => settle(open(), refs),
    probe: async () => {
      await open().persist(() => redis.set(keys.probe, '', 'PX', PROBE_KEPT_MS));
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await hangUp(redis);
    },
  };
};

/** Lets answers on their way arrive, where there is a server to answer. */
const hangUp = async (redis: Redis): Promise<void> => {
  await redis.quit().catch(() => undefined);
  redis.disconnect();
};
