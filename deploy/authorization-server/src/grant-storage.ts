import type { Redis } from 'ioredis';
import type { AdapterPayload } from 'oidc-provider';

/** The server's storage of tokens and grants. The server chooses the keys; times are in seconds. */
export interface GrantStorage {
  readonly read: (key: string) => Promise<AdapterPayload | undefined>;
  /** Writes an entry that expires after `expiresIn`, or never where that is undefined. `grantId`: the grant that it is part of. */
  readonly write: (
    key: string,
    payload: AdapterPayload,
    expiresIn: number | undefined,
    grantId: string | undefined,
  ) => Promise<void>;
  /** Marks a token as spent, for exactly one caller: false where it is spent already. {@link read} returns it as `consumed`. */
  readonly spend: (key: string) => Promise<boolean>;
  readonly remove: (key: string) => Promise<void>;
  /** Removes all entries with this grant id. */
  readonly removeGrant: (grantId: string) => Promise<void>;
}

/** A storage in the memory of this process. */
export const inMemory = (now: () => number = Date.now): GrantStorage => {
  const rows = new Map<string, { payload: AdapterPayload; until: number }>();
  const grants = new Map<string, Set<string>>();
  const live = (key: string): AdapterPayload | undefined => {
    const row = rows.get(key);
    if (row === undefined || row.until > now()) return row?.payload;
    rows.delete(key);
    return undefined;
  };
  return {
    read: async (key) => live(key),
    write: async (key, payload, expiresIn, grantId) => {
      rows.set(key, { payload, until: expiresIn === undefined ? Number.POSITIVE_INFINITY : now() + expiresIn * 1_000 });
      if (grantId !== undefined) grants.set(grantId, (grants.get(grantId) ?? new Set()).add(key));
    },
    spend: async (key) => {
      const payload = live(key);
      if (payload === undefined || payload.consumed !== undefined) return false;
      payload.consumed = Math.floor(now() / 1_000);
      return true;
    },
    remove: async (key) => {
      rows.delete(key);
    },
    removeGrant: async (grantId) => {
      for (const key of grants.get(grantId) ?? []) rows.delete(key);
      grants.delete(grantId);
    },
  };
};

/** Ten years, for entries without an expiry. */
const FOREVER_S = 10 * 365 * 86_400;

/**
 * A storage in Redis, which survives a restart. Keys under `prefix`: `t:<key>` is a token or grant as JSON, `s:<key>` the
 * second in which it was spent, `g:<grant>` the set of a grant's keys. Nothing is encrypted: for development only.
 */
export const inRedis = (redis: Redis, prefix: string): GrantStorage => {
  const token = (key: string) => `${prefix}:t:${key}`;
  const spent = (key: string) => `${prefix}:s:${key}`;
  const grant = (id: string) => `${prefix}:g:${id}`;
  return {
    read: async (key) => {
      const [json, consumed] = await redis.mget(token(key), spent(key));
      if (!json) return undefined;
      const payload = JSON.parse(json) as AdapterPayload; // written below
      return consumed ? { ...payload, consumed: Number(consumed) } : payload;
    },
    write: async (key, payload, expiresIn = FOREVER_S, grantId) => {
      const json = JSON.stringify(payload);
      const writing = redis.multi().set(token(key), json, 'EX', expiresIn);
      // The index of a grant expires with the last of its keys.
      if (grantId !== undefined)
        writing
          .sadd(grant(grantId), key)
          .expire(grant(grantId), expiresIn, 'NX')
          .expire(grant(grantId), expiresIn, 'GT');
      await writing.exec();
    },
    spend: async (key) => {
      const leftMs = await redis.pttl(token(key));
      if (leftMs <= 0) return false;
      const now = Math.floor(Date.now() / 1_000);
      return (await redis.set(spent(key), now, 'PX', leftMs, 'NX')) === 'OK';
    },
    remove: async (key) => {
      await redis.del(token(key), spent(key));
    },
    removeGrant: async (grantId) => {
      const keys = await redis.smembers(grant(grantId));
      await redis.del(grant(grantId), ...keys.flatMap((key) => [token(key), spent(key)]));
    },
  };
};
