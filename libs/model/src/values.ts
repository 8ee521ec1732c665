declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A user of the product, 1–128 of `A-Z a-z 0-9 . _ @ | + -`. */
export type UserId = Branded<'UserId'>;
/** A platform: the file name of its profile, e.g. `google-calendar`. */
export type PlatformId = Branded<'PlatformId'>;
/** A calling engine: an id with keys, e.g. `sync`. */
export type EngineId = Branded<'EngineId'>;

const USER_ID = /^[A-Za-z0-9._@|+-]{1,128}$/;
const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** `text` as a user id; null where it is none. */
export const userId = (text: string): UserId | null => (USER_ID.test(text) ? (text as UserId) : null);
/** `text` as a platform id; null where it is none. */
export const platformId = (text: string): PlatformId | null => (NAME.test(text) ? (text as PlatformId) : null);
/** `text` as an engine id; null where it is none. */
export const engineId = (text: string): EngineId | null => (NAME.test(text) ? (text as EngineId) : null);

/**
 * The largest integer that the vault stores, sends or accepts: revisions, versions, times. Avro encodes a `long` in zigzag form, which
 * doubles it, and JavaScript is exact below 2^53. Microseconds since 1970 stay below it until the year 2112.
 */
export const LARGEST_INTEGER = 2 ** 52 - 1;

/** Whether `value` is an integer within ±{@link LARGEST_INTEGER}. */
export const isExactInteger = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= LARGEST_INTEGER;
