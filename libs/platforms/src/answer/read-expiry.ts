import { type AnswerObject, textsAt } from './read-answer.ts';

/**
 * When a token expires by an answer. `at`: Unix milliseconds. `endless`: the answer says that it does not expire. `unclear`:
 * the answer has a time that can't be right, e.g. one in the past; tokens do expire there. `unstated`: the answer has none.
 */
export type StatedExpiry =
  | { readonly kind: 'at'; readonly at: number }
  | { readonly kind: 'endless' | 'unclear' | 'unstated' };

/** The fields of an answer that may have an expiry: paths of a profile. */
export interface ExpiryPaths {
  /** Seconds by RFC 6749; an absolute time is recognised as such. */
  readonly relative: string | readonly string[] | null;
  readonly absolute: string | readonly string[] | null;
}

/** Longer than any token lives, in seconds. Larger numbers are absolute times. */
const MAX_LIFETIME_S = 20 * 366 * 86_400;

/**
 * Reads the expiry of a token. Servers state it as seconds from now (number or text), as Unix seconds or milliseconds, as
 * ISO 8601, or as a date of RFC 9110, in fields for either. Where an answer has several, the earliest counts.
 *
 * @param askedAt Unix milliseconds of the request: a lifetime does not begin before it.
 */
export const readExpiry = (object: unknown, paths: ExpiryPaths, askedAt: number): StatedExpiry => {
  const stated = [
    ...first(object, paths.relative).map((text) => expiryIn(text, askedAt, { allowsRelative: true })),
    ...first(object, paths.absolute).map((text) => expiryIn(text, askedAt, { allowsRelative: false })),
  ];
  const times = stated.flatMap((each) => (each.kind === 'at' ? [each.at] : []));
  if (times.length > 0) return { kind: 'at', at: Math.min(...times) };
  return stated.find(({ kind }) => kind === 'unclear') ?? stated.find(({ kind }) => kind === 'endless') ?? UNSTATED;
};

const UNSTATED: StatedExpiry = { kind: 'unstated' };

const first = (object: unknown, paths: string | readonly string[] | null): readonly string[] =>
  paths === null ? [] : textsAt(object, paths).slice(0, 1);

const expiryIn = (text: string, askedAt: number, { allowsRelative }: { allowsRelative: boolean }): StatedExpiry => {
  const number = Number(text.trim());
  if (Number.isNaN(number)) return absolute(dateIn(text.trim()), askedAt);
  if (number === 0) return { kind: 'endless' };
  if (number < 0) return UNSTATED;
  if (number <= MAX_LIFETIME_S)
    return allowsRelative ? { kind: 'at', at: askedAt + Math.floor(number * 1_000) } : { kind: 'unclear' };
  // Unix seconds and milliseconds of our century are three digits apart.
  return absolute(Math.floor(number < 1e11 ? number * 1_000 : number), askedAt);
};

/** Null: no date. */
const absolute = (time: number | null, askedAt: number): StatedExpiry => {
  if (time === null || time > askedAt + MAX_LIFETIME_S * 1_000) return UNSTATED;
  return time > askedAt ? { kind: 'at', at: time } : { kind: 'unclear' };
};

const ISO_8601 = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?$/i;
/** RFC 9110 §5.6.7, e.g. `Sun, 06 Nov 1994 08:49:37 GMT`. */
const HTTP_DATE = /^[A-Za-z]{3,9}, \d\d[ -][A-Za-z]{3}[ -]\d{2,4} \d\d:\d\d:\d\d (GMT|UTC|[+-]\d{4})$/;

/** Unix milliseconds. A time without a zone is UTC. */
const dateIn = (text: string): number | null => {
  const [, , , zone] = ISO_8601.exec(text) ?? [];
  const iso = ISO_8601.test(text)
    ? `${text.replace(' ', 'T').replace(',', '.')}${zone === undefined ? 'Z' : ''}`
    : null;
  const time = iso !== null ? Date.parse(iso) : HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? null : time;
};

/**
 * `exp` of a JSON Web Token (RFC 7519 §4.1.4), Unix milliseconds; null where `token` is no signed JWT or has no plausible
 * one. Nothing is verified, so it may only shorten a lifetime that is stated or assumed elsewhere.
 */
export const jwtExpiry = (token: string, askedAt: number): number | null => {
  const [, payload, ...rest] = token.split('.');
  if (payload === undefined || rest.length !== 1) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const exp = claims === null ? undefined : (claims as AnswerObject)['exp']; // any JSON value but null has properties
    if (typeof exp !== 'number' || exp * 1_000 <= askedAt) return null;
    return exp * 1_000 > askedAt + MAX_LIFETIME_S * 1_000 ? null : Math.floor(exp * 1_000);
  } catch {
    return null;
  }
};
