/** The names of the headers of commands and replies, and one parser per form of value. Text is ASCII throughout. */

/**
 * The headers of commands and replies. Spring's `ReplyingKafkaTemplate` and NestJS's Kafka transport use the same `kafka_`
 * names, so their request/reply clients carry the vault's commands with a small signing wrapper.
 */
export const HEADER = {
  correlationId: 'kafka_correlationId',
  replyTopic: 'kafka_replyTopic',
  replyPartition: 'kafka_replyPartition',
  engineId: 'x-engine-id',
  engineKey: 'x-engine-key',
  commandType: 'x-command-type',
  timeoutMs: 'x-timeout-ms',
  idempotencyKey: 'x-idempotency-key',
  traceparent: 'traceparent',
  replyType: 'x-reply-type',
  vaultMac: 'x-vault-mac',
  /** Tells NestJS's client that the reply is complete. */
  nestIsDisposed: 'kafka_nest-is-disposed',
} as const;

/** The name of a header of the protocol. */
export type HeaderName = (typeof HEADER)[keyof typeof HEADER];

/** The headers of a message. Each name occurs at most once. */
export type Headers = Readonly<Record<string, Buffer | undefined>>;

/**
 * The pattern of 32 bytes in base64url without padding (RFC 4648 §5). The last character carries four bits of data; its two
 * unused bits must be zero, so each value has exactly one encoding.
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
 * The int32 form of a partition up to this number begins with 0x00, which is no decimal digit. So the binary and the text
 * form are never ambiguous.
 */
export const MAX_PARTITION = 0xff_ffff;

/** Ten minutes: the retention of the reply topics. */
export const MAX_TIMEOUT_MS = 600_000;

/** The text of a header, or null where it does not match `form`. No form exceeds 255 bytes; longer values are not decoded. */
const textOf = (bytes: Buffer, form: RegExp): string | null => {
  if (bytes.length > 255) return null;
  const text = bytes.toString('latin1');
  return form.test(text) ? text : null;
};

/** A command id: 16 bytes, or the canonical text of a UUID (RFC 9562 §4, lower case). Returns the 16 bytes. */
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

/** A partition: int32 big endian, as Spring writes it, or decimal text, as NestJS does. */
export const parsePartition = (bytes: Buffer): number | null => {
  const binary = bytes.length === INT32_BYTES && bytes[0] === 0;
  return binary ? bytes.readInt32BE() : parseDecimal(bytes, 0, MAX_PARTITION);
};

/** A whole number within bounds, in decimal without leading zeros. */
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

/** 32 bytes from base64url without padding; null for any but the canonical encoding. */
export const parseBase64url32 = (text: string): Buffer | null =>
  BASE64URL_32.test(text) ? Buffer.from(text, 'base64url') : null;
