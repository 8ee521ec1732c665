import type { Link } from './link.ts';

/** `notePartitions` of the store. Each step may be repeated, so a lost reply does no harm. */
export const notePartitions = (
  { redis, retry, keys }: Pick<Link, 'redis' | 'retry' | 'keys'>,
  count: number,
  now: number,
): Promise<ReadonlyMap<number, number>> =>
  retry(async () => {
    await redis.hsetnx(keys.partitions, String(count), String(now));
    const noted = Object.entries(await redis.hgetall(keys.partitions)).map(
      ([each, since]) => [Number(each), Number(since)] as const,
    );
    const larger = noted.filter(([each]) => each > count);
    if (larger.length > 0) await redis.hdel(keys.partitions, ...larger.map(([each]) => String(each)));
    return new Map(noted.filter(([each]) => each <= count));
  });
