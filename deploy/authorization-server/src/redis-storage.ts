import type { Redis } from 'ioredis';
import type { AdapterPayload } from 'oidc-provider';
import type { GrantStorage } from './grant-storage.ts';

/**
 * A storage that outlasts its process. Under `prefix`: `t:<key>` a token or grant as JSON, `s:<key>` the second in which it was
 * spent, `g:<grant>` the set of the keys that end with a grant. Plain text: for development alone.
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
    write: async (key, payload, expiresIn, grantId) => {
      const json = JSON.stringify(payload);
      await (expiresIn === undefined ? redis.set(token(key), json) : redis.set(token(key), json, 'EX', expiresIn));
      if (grantId !== undefined) await redis.sadd(grant(grantId), key);
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
