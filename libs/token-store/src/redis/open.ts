import { randomUUID } from 'node:crypto';
import { type BranchKeyStore, PortUnavailable, type TokenStore } from '@vault-engine/vault';
import type { Redis } from 'ioredis';
import type { OnQuarantined, Quarantine } from '../quarantine.ts';
import { apply, dedupe } from './apply.ts';
import { branchKeysOn } from './branch-keys.ts';
import { checkDurability, StoreNotDurable } from './check-durability.ts';
import { connect, type StoreLog } from './connect.ts';
import { dueStats, postpone, takeDue, upcoming } from './due.ts';
import { gatherReads } from './gather-reads.ts';
import { keysUnder } from './keys.ts';
import { claim, hold, release } from './lease.ts';
import type { Link } from './link.ts';
import { notePartitions } from './partitions.ts';
import { holdDrainLease, readPending, releaseDrainLease, settle } from './pending.ts';
import { quarantineOf } from './quarantine.ts';
import { readConnection, readUser, readUsers } from './read.ts';
import { RecentConnections } from './recent-connections.ts';
import { retryTransient } from './retry.ts';

/** The server, its durability and the time limits of each call. */
export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url: string;
  /** The prefix of every key: 1–64 of `A-Z a-z 0-9 . _ : -`. Default `vault`. */
  readonly keyPrefix?: string;
  /** Rejects a server that evicts keys or has no append-only file. Default true; false only warns. */
  readonly requireDurable?: boolean;
  /** How many replicas must acknowledge a change before its call resolves, and within how many milliseconds. Default null: none. */
  readonly waitReplicas?: { readonly count: number; readonly withinMs: number } | null;
  /** All attempts of one call together, milliseconds. Default 1500. */
  readonly retryForMs?: number;
  /** One attempt, milliseconds. Default 500. */
  readonly attemptMs?: number;
  readonly log?: StoreLog;
  /** Called for each entry that is moved to the quarantine. */
  readonly onQuarantined?: OnQuarantined;
  /** In [0, 1), for the jitter of retries. */
  readonly random?: () => number;
}

/** The token store on Redis, its quarantine and the branch keys. */
export interface RedisStore extends TokenStore {
  readonly quarantine: Quarantine;
  readonly branchKeys: BranchKeyStore;
}

const PROBE_TTL_MS = 10_000;

/**
 * Opens the token store on Redis 7 or newer.
 *
 * @throws PortUnavailable if the server does not reply within `retryForMs`
 * @throws StoreNotDurable if the server's settings would lose acknowledged changes and `requireDurable` is not false
 */
export const openRedisStore = async (options: RedisStoreOptions): Promise<RedisStore> => {
  const { retryForMs = 1500, attemptMs = 500, random = Math.random, log, requireDurable = true } = options;
  const keys = keysUnder(options.keyPrefix ?? 'vault');
  const redis = connect(options.url, attemptMs, log);
  const retry: Link['retry'] = (attempt) => retryTransient({ retryForMs, attemptMs, random }, attempt);
  const link: Link = {
    redis,
    keys,
    retry,
    read: gatherReads({ redis, retry }),
    recent: new RecentConnections(),
    processId: randomUUID(),
    onQuarantined: options.onQuarantined ?? (() => undefined),
    replicas: options.waitReplicas ?? null,
  };
  try {
    await requireDurability(link, requireDurable, log);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return storeOn(link);
};

const requireDurability = async ({ redis, retry }: Link, required: boolean, log?: StoreLog): Promise<void> => {
  const { loses, risks } = await retry(() => checkDurability(redis));
  if (required && loses.length > 0) throw new StoreNotDurable(loses);
  for (const reason of [...loses, ...risks]) log?.warn('token store settings risk losing changes', { reason });
};

const storeOn = (link: Link): RedisStore => {
  const { redis, keys } = link;
  let closed = false;
  let [firstShard, firstDueShard] = [0, 0];
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
    dueStats: async () => dueStats(open()),
    pending: async (olderThanMs, limit) => {
      const { found, nextShard } = await readPending(open(), firstShard, olderThanMs, limit);
      firstShard = nextShard;
      return found;
    },
    holdDrainLease: async (ttlMs) => holdDrainLease(open(), ttlMs),
    settle: async (refs) => settle(open(), refs),
    quarantine: quarantineOf(open),
    branchKeys: branchKeysOn(open),
    notePartitions: async (count, now) => notePartitions(open(), count, now),
    probe: async () => {
      await open().retry(() => redis.set(keys.probe, '', 'PX', PROBE_TTL_MS));
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await releaseDrainLease(link).catch(() => undefined);
      await disconnect(redis);
    },
  };
};

/** QUIT lets replies in flight arrive, if the server still answers. */
const disconnect = async (redis: Redis): Promise<void> => {
  await redis.quit().catch(() => undefined);
  redis.disconnect();
};
