import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4_096;

/**
 * Random bytes for salts, from a pool that is filled by one call: a call for each costs ten times as much. For what is sent in
 * the clear alone, as the pool is not wiped; each byte is handed out once.
 */
export const saltPool = (fill: (pool: Buffer) => void = randomFillSync): ((size: number) => Buffer) => {
  let pool = Buffer.alloc(0);
  let at = 0;
  return (size) => {
    if (at + size > pool.length) {
      // A new pool each time: what was handed out lies in the old one.
      pool = Buffer.allocUnsafeSlow(Math.max(POOL_BYTES, size));
      fill(pool);
      at = 0;
    }
    at += size;
    return pool.subarray(at - size, at);
  };
};

/** The salts of this process. */
export const drawSalt = saltPool();
