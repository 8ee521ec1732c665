/**
 * The largest integer that the vault stores, sends or accepts: revisions, versions, times. Avro encodes a `long` in zigzag form, which
 * doubles it, and JavaScript is exact below 2^53. Microseconds since 1970 stay below it until the year 2112.
 */
export const LARGEST_INTEGER = 2 ** 52 - 1;

/** Whether `value` is an integer within ±{@link LARGEST_INTEGER}. */
export const isExactInteger = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= LARGEST_INTEGER;
