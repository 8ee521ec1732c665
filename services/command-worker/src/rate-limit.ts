import type { Rate } from '@vault-engine/protocol';

/** What is left in a token bucket, and since when. */
interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** Takes one token of `key`: 0 when there was one, else the milliseconds until there will be one. */
export type TakeToken = (key: string, rate: Rate, now: number) => number;

/** One token bucket per key, in this process's memory: with n workers an engine has up to n times its rate. */
export const rateLimit = (): TakeToken => {
  const buckets = new Map<string, Bucket>();
  return (key, rate, now) => {
    const { bucket, waitMs } = take(buckets.get(key) ?? { tokens: rate.burst, at: now }, rate, now);
    buckets.set(key, bucket);
    return waitMs;
  };
};

/** One step of a bucket. A clock that runs backwards adds nothing. */
const take = (bucket: Bucket, { perSecond, burst }: Rate, now: number): { bucket: Bucket; waitMs: number } => {
  const elapsedMs = Math.max(0, now - bucket.at);
  const tokens = Math.min(burst, bucket.tokens + (elapsedMs * perSecond) / 1_000);
  if (tokens >= 1) return { bucket: { tokens: tokens - 1, at: now }, waitMs: 0 };
  return { bucket: { tokens, at: now }, waitMs: Math.ceil(((1 - tokens) * 1_000) / perSecond) };
};
