import type { RandomFraction } from './due-at.ts';

const FIRST_MS = 30_000;
const LONGEST_MS = 3_600_000;

/**
 * How long to wait after the `failures`th failure in a row (1 for the first), in milliseconds: doubling from half a minute
 * to an hour, half of it random, so that what failed together is not tried together. Never shorter than the provider asked
 * for with `Retry-After`.
 */
export const backoff = (failures: number, retryAfterMs: number | null, random: RandomFraction): number => {
  const ceiling = Math.min(FIRST_MS * 2 ** Math.min(Math.max(failures, 1) - 1, 30), LONGEST_MS);
  const wait = ceiling / 2 + (ceiling / 2) * random();
  return Math.ceil((retryAfterMs ?? 0) > wait ? (retryAfterMs ?? 0) + (ceiling / 2) * random() : wait);
};
