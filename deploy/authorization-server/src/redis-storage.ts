import type { Redis } from 'ioredis';
import type { AdapterPayload } from 'oidc-provider';
import type { GrantStorage } from './grant-storage.ts';

/** Ten years, for what has no end of its own. */
const FOREVER_S = 10 * 365 * 86_400;

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
    write: async (key, payload, expiresIn = FOREVER_S, grantId) => {
      const json = JSON.stringify(payload);
      const writing = redis.multi().set(token(key), json, 'EX', expiresIn);
      // The index of a grant lasts as long as the longest of its keys.
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
