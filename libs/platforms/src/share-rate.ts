import { type PlatformId, PortUnavailable } from '@vault-engine/vault';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { SharedRate } from './open-providers.ts';

/** Where the permits are counted. */
export interface ShareRateOptions {
  /** `redis://` or `rediss://`, with user and password where needed. */
  readonly url: string;
  /** Prefix of every key. */
  readonly keyPrefix: string;
}

/** Time limit of one count, milliseconds. */
const ANSWER_MS = 1_000;

/** Opens a rate that all processes with the same server and prefix share. The caller closes it. */
export const openSharedRate = ({
  url,
  keyPrefix,
}: ShareRateOptions): SharedRate & { readonly close: () => Promise<void> } => {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    commandTimeout: ANSWER_MS,
    retryStrategy: (times) => Math.min(times * 50, ANSWER_MS),
  });
  // A failed count rejects at its caller. Without a listener ioredis would print the error to the console.
  redis.on('error', () => undefined);
  const limiters = new Map<number, RateLimiterRedis>();
  const limiterOf = (points: number): RateLimiterRedis => {
    const limiter =
      limiters.get(points) ??
      new RateLimiterRedis({ storeClient: redis, keyPrefix: `${keyPrefix}:rate`, points, duration: 60 });
    limiters.set(points, limiter);
    return limiter;
  };
  return {
    take: async (platform: PlatformId, perMinute: number) => {
      try {
        await limiterOf(perMinute).consume(platform);
        return { ok: true };
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return { ok: false, retryAfterMs: Math.max(refusal.msBeforeNext, 1) };
        throw new PortUnavailable(
          'storage',
          'the refresh rate of a platform could not be counted; Redis did not answer',
          { cause: refusal },
        );
      }
    },
    close: async () => {
      redis.disconnect();
    },
  };
};
