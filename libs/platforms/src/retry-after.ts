const MAX_MS = 24 * 3_600_000;
const SECONDS = /^\d{1,9}$/;

/**
 * Milliseconds to wait by a `Retry-After` header (RFC 9110 §10.2.3: seconds or a date), at most a day; null where there is
 * none or it says nothing.
 */
export const retryAfterMs = (header: string | null, now: number): number | null => {
  if (header === null) return null;
  const value = header.trim();
  const wait = SECONDS.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  // A bare number that is no count of seconds is read as a year by some parsers.
  if (Number.isNaN(wait) || (!SECONDS.test(value) && /^[-+.\d]*$/.test(value))) return null;
  return Math.min(Math.max(wait, 0), MAX_MS);
};
