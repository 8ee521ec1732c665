/** The forms that header fields take: parsers answer null for everything else. Text is ASCII throughout. */

/**
 * The pattern of 32 bytes in base64url without padding (RFC 4648 §5). The last character stands for four bits; with the two below
 * them zero, there is one way to write the bytes.
 */
export const base64url32 = '[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;
const ENGINE = /^[a-z][a-z0-9-]{0,62}$/;
const TYPE = /^[A-Z][A-Za-z]{0,63}$/;
const KID = /^[0-9a-f]{8}$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,14})$/;
const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const BASE64URL_32 = new RegExp(`^${base64url32}$`);

const ID_BYTES = 16;
const UUID_TEXT_BYTES = 36;
const INT32_BYTES = 4;

/**
 * Below this a partition's int32 begins with 0x00, which no decimal digit is: so the two forms can't be mistaken for
 * each other.
 */
export const MAX_PARTITION = 0xff_ffff;

/** Ten minutes, the time for which replies are kept. */
export const MAX_TIMEOUT_MS = 600_000;

/** The text of a header that matches `form`. No form is longer than 255, so longer bytes are not even decoded. */
const textOf = (bytes: Buffer, form: RegExp): string | null => {
  if (bytes.length > 255) return null;
  const text = bytes.toString('latin1');
  return form.test(text) ? text : null;
};

/** 16 bytes, or the canonical text of a UUID (RFC 9562 §4, lower case): the 16 bytes of either. */
export const parseCommandId = (bytes: Buffer): Buffer | null => {
  if (bytes.length === ID_BYTES) return bytes;
  if (bytes.length !== UUID_TEXT_BYTES) return null;
  const text = textOf(bytes, UUID);
  return text === null ? null : Buffer.from(text.replaceAll('-', ''), 'hex');
};

/** The canonical text of a 16-byte command id. */
export const uuidText = (id: Buffer): string => {
  const hex = id.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

/** int32 big endian, as Spring writes it, or decimal text, as NestJS does. */
export const parsePartition = (bytes: Buffer): number | null => {
  const binary = bytes.length === INT32_BYTES && bytes[0] === 0;
  return binary ? bytes.readInt32BE() : parseDecimal(bytes, 0, MAX_PARTITION);
};

/** A whole number in decimal without leading zeros, within bounds. */
const parseDecimal = (bytes: Buffer, least: number, most: number): number | null => {
  const text = textOf(bytes, DECIMAL);
  if (text === null) return null;
  const number = Number(text);
  return number >= least && number <= most ? number : null;
};

/** 1 ms to {@link MAX_TIMEOUT_MS}. */
export const parseTimeout = (bytes: Buffer): number | null => parseDecimal(bytes, 1, MAX_TIMEOUT_MS);

/** A legal Kafka topic name. */
export const parseTopic = (bytes: Buffer): string | null => {
  const topic = textOf(bytes, TOPIC);
  return topic === '.' || topic === '..' ? null : topic;
};

/** An engine's id. */
export const parseEngineId = (bytes: Buffer): string | null => textOf(bytes, ENGINE);

/** The name of a command or reply type. */
export const parseType = (bytes: Buffer): string | null => textOf(bytes, TYPE);

/** 1–255 printable ASCII characters. */
export const parseIdempotencyKey = (bytes: Buffer): string | null => textOf(bytes, IDEMPOTENCY_KEY);

/** Whether a caller may use `text` as an idempotency key: 1–255 printable ASCII characters. */
export const isIdempotencyKey = (text: string): boolean => IDEMPOTENCY_KEY.test(text);

/** W3C Trace Context, level 1 fields only. */
export const parseTraceparent = (bytes: Buffer): string | null => textOf(bytes, TRACEPARENT);

/** Whether `text` is a key id: 8 lower-case hex digits. */
export const isKid = (text: string): boolean => KID.test(text);

/** Whether `text` is an engine's id. */
export const isEngineId = (text: string): boolean => ENGINE.test(text);

/** 32 bytes from base64url without padding; null unless it is the one way to write them. */
export const parseBase64url32 = (text: string): Buffer | null =>
  BASE64URL_32.test(text) ? Buffer.from(text, 'base64url') : null;
