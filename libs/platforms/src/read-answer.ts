import type { PlatformProfile } from './profiles/platform-catalog.ts';

/** A JSON object in an answer. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON object in `body`, or null where it has none. The content type is ignored: some providers send JSON as text, and
 * refusing such an answer would lose its tokens.
 */
export const readJson = (body: Buffer): JsonObject | null => {
  try {
    const value: unknown = JSON.parse(body.toString());
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
};

/** The value at `path` (`a.b.c`; empty: `value` itself), own fields only; undefined where there is none. */
export const at = (value: unknown, path: string): unknown =>
  path === ''
    ? value
    : path
        .split('.')
        .reduce<unknown>(
          (inner, name) => (isObject(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined),
          value,
        );

/** The text, or the number as text, at `path`; null where there is none. */
export const textAt = (value: unknown, path: string): string | null => {
  const found = at(value, path);
  if (typeof found === 'number' && Number.isFinite(found)) return String(found);
  return typeof found === 'string' && found !== '' ? found : null;
};

/** The texts at `paths`, in order, without the missing ones. */
export const textsAt = (value: unknown, paths: string | readonly string[]): readonly string[] =>
  [paths].flat().flatMap((path) => textAt(value, path) ?? []);

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The provider's error code in an answer: the first that the profile lists, else the first; null where there is none. */
export const errorCode = ({ response, errors }: PlatformProfile, json: unknown): string | null => {
  const codes = textsAt(json, response.error_path);
  const listed = Object.values(errors).flat();
  return codes.find((code) => listed.includes(code)) ?? codes[0] ?? null;
};

const MAX_WAIT_MS = 24 * 3_600_000;
const SECONDS = /^\d{1,9}$/;

/**
 * Milliseconds to wait by a `Retry-After` header (RFC 9110 §10.2.3: seconds or a date), at most a day; null where the
 * header is absent or unreadable.
 */
export const retryAfterMs = (header: string | null, now: number): number | null => {
  if (header === null) return null;
  const value = header.trim();
  const wait = SECONDS.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  // A number that is no count of seconds would be read as a year by some date parsers.
  if (Number.isNaN(wait) || (!SECONDS.test(value) && /^[-+.\d]*$/.test(value))) return null;
  return Math.min(Math.max(wait, 0), MAX_WAIT_MS);
};
