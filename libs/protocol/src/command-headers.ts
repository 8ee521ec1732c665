import {
  base64url32,
  HEADER,
  type HeaderName,
  type Headers,
  isIdempotencyKey,
  MAX_PARTITION,
  MAX_TIMEOUT_MS,
  parseCommandId,
  parseEngineId,
  parseIdempotencyKey,
  parsePartition,
  parseTimeout,
  parseTopic,
  parseTraceparent,
  parseType,
} from './header-fields.ts';

/** The authenticated header fields of a command. The request's MAC covers all of them. */
export interface CommandHead {
  /** 16 random bytes, or a UUID (RFC 9562). */
  readonly commandId: Buffer;
  readonly commandType: string;
  /** The deadline is the broker's append time plus this many milliseconds. */
  readonly timeoutMs: number;
  readonly idempotencyKey: string | null;
  readonly replyTopic: string;
  readonly replyPartition: number;
  /** The engine's clock at signing, Unix milliseconds. */
  readonly sentMs: number;
}

/** The parsed headers of a command. */
export interface CommandHeaders extends CommandHead {
  /** The correlation header, unchanged; replies echo it. */
  readonly correlation: Buffer;
  readonly engine: string;
  /** The key that signed: 8 lower-case hex digits. */
  readonly kid: string;
  readonly mac: Buffer;
  /** W3C Trace Context; null where absent or malformed. Not authenticated. */
  readonly traceparent: string | null;
}

/** Why headers were refused, and the header at fault. */
export interface HeaderRefusal {
  readonly ok: false;
  readonly reason: 'header_missing' | 'header_malformed';
  readonly header: HeaderName;
}

const REQUIRED = [
  HEADER.correlationId,
  HEADER.replyTopic,
  HEADER.replyPartition,
  HEADER.engineId,
  HEADER.engineKey,
  HEADER.commandType,
  HEADER.timeoutMs,
] as const;

/**
 * Parses the headers of a command within strict bounds. A malformed idempotency key is refused. A malformed `traceparent`
 * is ignored, as W3C Trace Context §2.2.2 requires.
 */
export const parseCommandHeaders = (
  headers: Headers,
): { readonly ok: true; readonly value: CommandHeaders } | HeaderRefusal => {
  const missing = REQUIRED.find((name) => headers[name] === undefined);
  if (missing !== undefined) return { ok: false, reason: 'header_missing', header: missing };

  const correlation = headers[HEADER.correlationId] ?? EMPTY;
  const commandId = parseCommandId(correlation);
  if (commandId === null) return malformed(HEADER.correlationId);
  const replyTopic = read(headers, HEADER.replyTopic, parseTopic);
  if (replyTopic === null) return malformed(HEADER.replyTopic);
  const replyPartition = read(headers, HEADER.replyPartition, parsePartition);
  if (replyPartition === null) return malformed(HEADER.replyPartition);
  const engine = read(headers, HEADER.engineId, parseEngineId);
  if (engine === null) return malformed(HEADER.engineId);
  const engineKey = read(headers, HEADER.engineKey, parseEngineKey);
  if (engineKey === null) return malformed(HEADER.engineKey);
  const commandType = read(headers, HEADER.commandType, parseType);
  if (commandType === null) return malformed(HEADER.commandType);
  const timeoutMs = read(headers, HEADER.timeoutMs, parseTimeout);
  if (timeoutMs === null) return malformed(HEADER.timeoutMs);
  const idempotencyKey = read(headers, HEADER.idempotencyKey, parseIdempotencyKey);
  if (idempotencyKey === null && headers[HEADER.idempotencyKey] !== undefined) return malformed(HEADER.idempotencyKey);
  const traceparent = read(headers, HEADER.traceparent, parseTraceparent);

  const head = { commandId, commandType, timeoutMs, idempotencyKey, replyTopic, replyPartition };
  return { ok: true, value: { ...head, ...engineKey, correlation, engine, traceparent } };
};

/** The timeout of a command in milliseconds, regardless of its other headers; null where absent or malformed. */
export const timeoutIn = (headers: Headers): number | null => read(headers, HEADER.timeoutMs, parseTimeout);

const EMPTY = Buffer.alloc(0);

const malformed = (header: HeaderName): HeaderRefusal => ({ ok: false, reason: 'header_malformed', header });

const read = <Value>(headers: Headers, name: HeaderName, parse: (bytes: Buffer) => Value | null): Value | null => {
  const bytes = headers[name];
  return bytes === undefined ? null : parse(bytes);
};

/** `v1.<kid>.<sent ms>.<MAC base64url>` */
const parseEngineKey = (bytes: Buffer): Pick<CommandHeaders, 'kid' | 'sentMs' | 'mac'> | null => {
  if (bytes.length > MAX_ENGINE_KEY_BYTES) return null;
  const [, kid, sent, mac] = ENGINE_KEY.exec(bytes.toString('latin1')) ?? [];
  if (kid === undefined || sent === undefined || mac === undefined) return null;
  return { kid, sentMs: Number(sent), mac: Buffer.from(mac, 'base64url') };
};

const ENGINE_KEY = new RegExp(`^v1\\.([0-9a-f]{8})\\.(0|[1-9][0-9]{0,14})\\.(${base64url32})$`);
const MAX_ENGINE_KEY_BYTES = 'v1.'.length + '01234567.'.length + 15 + '.'.length + 43;

/** What {@link encodeCommandHeaders} writes in addition to the head. */
export type Signature = Pick<CommandHeaders, 'engine' | 'kid' | 'mac'> & {
  readonly traceparent?: string | undefined;
};

/**
 * The headers of a signed command, with the command id and the partition in binary form.
 *
 * @throws RangeError for values that the vault would refuse as malformed without an answer: the caller checks them first.
 */
export const encodeCommandHeaders = (head: CommandHead, signature: Signature): Record<string, Buffer> => {
  refuseOutOfBounds(head);
  const { engine, kid, mac, traceparent } = signature;
  const partition = Buffer.alloc(4);
  partition.writeInt32BE(head.replyPartition);
  return {
    [HEADER.correlationId]: head.commandId,
    [HEADER.replyTopic]: Buffer.from(head.replyTopic),
    [HEADER.replyPartition]: partition,
    [HEADER.engineId]: Buffer.from(engine),
    [HEADER.engineKey]: Buffer.from(`v1.${kid}.${head.sentMs}.${mac.toString('base64url')}`),
    [HEADER.commandType]: Buffer.from(head.commandType),
    [HEADER.timeoutMs]: Buffer.from(String(head.timeoutMs)),
    ...(head.idempotencyKey === null ? {} : { [HEADER.idempotencyKey]: Buffer.from(head.idempotencyKey) }),
    ...(traceparent === undefined ? {} : { [HEADER.traceparent]: Buffer.from(traceparent) }),
  };
};

const refuseOutOfBounds = ({ commandId, timeoutMs, idempotencyKey, replyPartition }: CommandHead): void => {
  if (commandId.length !== 16) throw new RangeError('a command id has 16 bytes');
  if (!isWhole(timeoutMs, 1, MAX_TIMEOUT_MS)) throw new RangeError(`a timeout is 1 to ${MAX_TIMEOUT_MS} ms`);
  if (!isWhole(replyPartition, 0, MAX_PARTITION)) throw new RangeError(`a partition is 0 to ${MAX_PARTITION}`);
  if (idempotencyKey !== null && !isIdempotencyKey(idempotencyKey)) {
    throw new RangeError('an idempotency key is 1 to 255 printable ASCII characters');
  }
};

const isWhole = (number: number, least: number, most: number): boolean =>
  Number.isInteger(number) && number >= least && number <= most;
