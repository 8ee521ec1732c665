import type { Result } from '@vault-engine/crypto';
import type { PlatformProfile } from '../profiles/platform-catalog.ts';
import { decodeBody, type UnreadableBody } from './decode-body.ts';

/** The object in an answer: that of JSON, or the fields of a form. */
export type AnswerObject = Readonly<Record<string, unknown>>;

/** The headers that an answer is read with; null where one is absent. */
export interface AnswerHeaders {
  readonly contentEncoding: string | null;
  /** RFC 6750 §3: it may have the error code of an answer without a body. */
  readonly wwwAuthenticate: string | null;
}

/** The parts of an answer that are read. */
export interface RawAnswer {
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

type ResponseFacts = PlatformProfile['response'];

/**
 * The object in a body: JSON, or else a form (`access_token=…&token_type=…`, as several servers send without being asked).
 * The content type is ignored, because it is often wrong, and refusing such an answer would lose its tokens.
 */
export const readBody = (
  { headers, body }: RawAnswer,
  { json_prefix: prefix }: Pick<ResponseFacts, 'json_prefix'>,
): Result<AnswerObject, UnreadableBody> => {
  const decoded = decodeBody(body, headers.contentEncoding);
  if (!decoded.ok) return decoded;
  const text = prefix !== null && decoded.value.startsWith(prefix) ? decoded.value.slice(prefix.length) : decoded.value;
  const object = jsonObject(text) ?? formObject(text.trim());
  return object === null ? { ok: false, reason: 'answer_unreadable' } : { ok: true, value: object };
};

const jsonObject = (text: string): AnswerObject | null => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
};

/** More fields than a form of a token endpoint has. */
const MAX_FIELDS = 256;
const FIELD_NAME = /^[\w.~%+*-]{1,128}$/;

/** The fields of a text of `name=value` pairs. HTML and prose are no form. Of a repeated field the first value counts. */
const formObject = (text: string): AnswerObject | null => {
  if (/[\s<>"]/.test(text)) return null;
  const pairs = text.split('&', MAX_FIELDS).filter((pair) => pair !== '');
  const isForm =
    pairs.length > 0 && pairs.every((pair) => pair.includes('=') && FIELD_NAME.test(pair.slice(0, pair.indexOf('='))));
  return isForm ? Object.fromEntries([...new URLSearchParams(pairs.join('&'))].toReversed()) : null;
};

/** The value at `path` (`a.b.0.c`; empty: `value` itself), own fields only; undefined where there is none. */
export const at = (value: unknown, path: string): unknown =>
  path === ''
    ? value
    : path
        .split('.')
        .reduce<unknown>(
          (inner, name) => (isContainer(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined),
          value,
        );

/** The text, or the number as text, at `path`; null where there is none. */
export const textAt = (value: unknown, path: string): string | null => textOf(at(value, path));

/** The texts at `paths`, in order, without the missing ones. */
export const textsAt = (value: unknown, paths: string | readonly string[]): readonly string[] =>
  [paths].flat().flatMap((path) => textAt(value, path) ?? []);

const textOf = (value: unknown): string | null => {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
};

/**
 * Whether an answer calls itself a success by a field of the profile (`response.ok`, `response.ok_path`); null where the
 * profile names no such field, or the answer does not have it.
 */
export const saysOk = ({ ok, ok_path: okPath }: ResponseFacts, object: AnswerObject | null): boolean | null => {
  const value = ok !== null ? at(object, ok.path) : okPath !== null ? at(object, okPath) : undefined;
  if (value === undefined) return null;
  // 0 and "0" are the same answer: servers change between them.
  return ok === null ? value === true : ok.equals.some((expected) => String(expected) === String(value));
};

/**
 * The provider's error code in an answer: the first that the profile lists, else the first; null where there is none. Looked
 * for at `response.error_path` (a text, a number, a list of them, an object with a usual name for the code) and, in an answer
 * with an error status, in `WWW-Authenticate`.
 */
export const errorCode = (
  { response, errors }: PlatformProfile,
  object: AnswerObject | null,
  { status, headers }: { readonly status: number; readonly headers: AnswerHeaders | null },
): string | null => {
  const values = [response.error_path].flat().flatMap((path) => valuesAt(object, path));
  const stated = values.flatMap((value) => textOf(value) ?? []);
  const nested = values.flatMap(nestedCodes);
  const challenged = status >= 400 ? challengeCodes(headers?.wwwAuthenticate ?? null) : [];
  const listed = Object.values(errors).flat();
  const codes = [...stated, ...nested, ...challenged];
  // A nested object that the profile does not know is no reason to doubt a success.
  return codes.find((code) => listed.includes(code)) ?? (status >= 400 ? codes : stated)[0] ?? null;
};

/** More entries than an error has. */
const MAX_ENTRIES = 32;

/** The values at `path`, where a list without an index stands for its entries. */
const valuesAt = (value: unknown, path: string): readonly unknown[] =>
  (path === '' ? [] : path.split('.'))
    .reduce<readonly unknown[]>((values, name) => values.flatMap((each) => step(each, name)), [value])
    .flatMap(entriesOf);

const step = (value: unknown, name: string): readonly unknown[] =>
  Array.isArray(value) && !/^\d+$/.test(name)
    ? entriesOf(value).flatMap((entry) => step(entry, name))
    : [at(value, name)].filter((found) => found !== undefined);

const entriesOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value.slice(0, MAX_ENTRIES) : [value];

const CODE_NAMES = ['code', 'error', 'error_code', 'errorCode', 'type', 'status', 'reason', 'name'];

const nestedCodes = (value: unknown): readonly string[] => (isObject(value) ? textsAt(value, CODE_NAMES) : []);

const CHALLENGE = /(?:^|[\s,])error\s*=\s*(?:"([^"\\]{1,128})"|([\w.-]{1,128}))/i;

const challengeCodes = (header: string | null): readonly string[] => {
  const [, quoted, bare] = CHALLENGE.exec(header?.slice(0, 4_096) ?? '') ?? [];
  return [quoted ?? bare ?? []].flat();
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

const isContainer = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isObject = (value: unknown): value is AnswerObject => isContainer(value) && !Array.isArray(value);
