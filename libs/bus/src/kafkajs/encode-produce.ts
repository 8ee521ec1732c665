import { crc32c } from './crc32c.ts';

/** A message in the form in which kafkajs hands it to its encoder. */
export interface ProducedMessage {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly timestamp?: unknown;
}

/** A Produce request in the form in which kafkajs hands it to its encoder. */
export interface ProduceRequest {
  readonly acks: number;
  readonly timeout: number;
  readonly compression?: number;
  readonly transactionalId?: string | null;
  /** Set by an idempotent producer, as kafkajs's own long integer; else -1 or undefined. */
  readonly producerId?: { readonly toString: () => string } | undefined;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly ProducedMessage[] }[];
  }[];
}

/**
 * Encodes the body of a Produce request, versions 3 to 7, with record batches of magic 2
 * (https://kafka.apache.org/protocol#The_Messages_Produce, https://kafka.apache.org/documentation/#recordbatch), byte for
 * byte as kafkajs does. kafkajs allocates a buffer for each header, record and layer and copies each into the next. This
 * function measures first and writes once.
 *
 * @returns null for a request with compression, a transaction, or text instead of bytes: kafkajs encodes it
 */
export const encodeProduce = (request: ProduceRequest, now: number): Buffer | null => {
  if (request.compression || request.transactionalId != null || String(request.producerId ?? -1) !== '-1') return null;
  const topics: Topic[] = [];
  let length = REQUEST_BYTES;
  for (const { topic, partitions } of request.topicData) {
    const batches: Batch[] = [];
    for (const { partition, messages } of partitions) {
      const batch = measureBatch(partition, messages);
      if (batch === null) return null;
      batches.push(batch);
      length += PARTITION_BYTES + batch.length;
    }
    topics.push({ name: topic, batches });
    length += 2 + Buffer.byteLength(topic) + 4;
  }
  return write(Buffer.allocUnsafe(length), request, topics, now);
};

interface Topic {
  readonly name: string;
  readonly batches: readonly Batch[];
}

interface Batch {
  readonly partition: number;
  readonly messages: readonly Message[];
  /** The length of each message without its own length field. */
  readonly bodies: readonly number[];
  /** The length of the whole batch. */
  readonly length: number;
}

interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Names and values, alternating. */
  readonly headers: readonly Buffer[];
}

/** transactional_id, acks, timeout, the number of topics. */
const REQUEST_BYTES = 2 + 2 + 4 + 4;
/** partition, the length of its records. */
const PARTITION_BYTES = 4 + 4;
/** first offset, length, leader epoch, magic, CRC; attributes to the number of records. */
const BATCH_BYTES = 8 + 4 + 4 + 1 + 4 + 40;
const CRC_FROM = 21;
const MAGIC = 2;

const measureBatch = (partition: number, produced: readonly ProducedMessage[]): Batch | null => {
  const messages: Message[] = [];
  const bodies: number[] = [];
  let length = BATCH_BYTES;
  for (const one of produced) {
    const message = messageOf(one);
    if (message === null) return null;
    const body = bodyLength(message, messages.length);
    messages.push(message);
    bodies.push(body);
    length += varintLength(body) + body;
  }
  return { partition, messages, bodies, length };
};

const messageOf = ({ key = null, value = null, headers = {}, timestamp }: ProducedMessage): Message | null => {
  if (timestamp !== undefined || !isBytes(key) || !isBytes(value)) return null;
  const fields: Buffer[] = [];
  for (const name of Object.keys(headers)) {
    const field = headers[name];
    if (!Buffer.isBuffer(field)) return null;
    fields.push(nameBytes(name), field);
  }
  return { key, value, headers: fields };
};

/** Encoded header names. Bounded, because senders choose the names. */
const names = new Map<string, Buffer>();
const MAX_NAMES = 256;

const nameBytes = (name: string): Buffer => {
  const known = names.get(name);
  if (known !== undefined) return known;
  const bytes = Buffer.from(name);
  if (names.size < MAX_NAMES) names.set(name, bytes);
  return bytes;
};

const isBytes = (value: unknown): value is Buffer | null => value === null || Buffer.isBuffer(value);

/** attributes and timestamp delta have a byte each. */
const bodyLength = ({ key, value, headers }: Message, index: number): number => {
  let length = 2 + varintLength(index) + bytesLength(key) + bytesLength(value) + varintLength(headers.length / 2);
  for (const field of headers) length += bytesLength(field);
  return length;
};

const bytesLength = (bytes: Buffer | null): number => (bytes === null ? 1 : varintLength(bytes.length) + bytes.length);

/** The length of a non-negative number as a zigzag varint. */
const varintLength = (value: number): number => {
  let length = 1;
  for (let rest = value >>> 6; rest > 0; rest >>>= 7) length += 1;
  return length;
};

const write = (out: Buffer, { acks, timeout }: ProduceRequest, topics: readonly Topic[], now: number): Buffer => {
  let at = out.writeInt16BE(-1, 0);
  at = out.writeInt16BE(acks, at);
  at = out.writeInt32BE(timeout, at);
  at = out.writeInt32BE(topics.length, at);
  for (const { name, batches } of topics) {
    at = out.writeInt16BE(Buffer.byteLength(name), at);
    at += out.write(name, at);
    at = out.writeInt32BE(batches.length, at);
    for (const batch of batches) {
      at = out.writeInt32BE(batch.partition, at);
      at = out.writeInt32BE(batch.length, at);
      at = writeBatch(out, at, batch, BigInt(now));
    }
  }
  return out;
};

const writeBatch = (out: Buffer, start: number, { messages, bodies, length }: Batch, now: bigint): number => {
  let at = out.writeBigInt64BE(0n, start);
  at = out.writeInt32BE(length - 12, at);
  at = out.writeInt32BE(0, at);
  at = out.writeInt8(MAGIC, at);
  const crcAt = at;
  at = out.writeInt16BE(0, at + 4);
  at = out.writeInt32BE(messages.length - 1, at);
  at = out.writeBigInt64BE(now, at);
  at = out.writeBigInt64BE(now, at);
  at = out.writeBigInt64BE(-1n, at);
  at = out.writeInt16BE(0, at);
  at = out.writeInt32BE(0, at);
  at = out.writeInt32BE(messages.length, at);
  for (const [index, message] of messages.entries()) {
    at = writeVarint(out, at, bodies[index] ?? 0);
    at = writeMessage(out, at, message, index);
  }
  out.writeUInt32BE(crc32c(out, start + CRC_FROM, at), crcAt);
  return at;
};

const writeMessage = (out: Buffer, start: number, { key, value, headers }: Message, index: number): number => {
  out[start] = 0;
  out[start + 1] = 0;
  let at = writeVarint(out, start + 2, index);
  at = writeBytes(out, at, key);
  at = writeBytes(out, at, value);
  at = writeVarint(out, at, headers.length / 2);
  for (const field of headers) at = writeBytes(out, at, field);
  return at;
};

const NULL = 0x01; // -1 as a zigzag varint

const writeBytes = (out: Buffer, start: number, bytes: Buffer | null): number => {
  if (bytes === null) {
    out[start] = NULL;
    return start + 1;
  }
  const at = writeVarint(out, start, bytes.length);
  out.set(bytes, at);
  return at + bytes.length;
};

const writeVarint = (out: Buffer, start: number, value: number): number => {
  let at = start;
  let rest = value * 2;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) {
    out[at] = (rest % 128) | 0x80;
    at += 1;
  }
  out[at] = rest;
  return at + 1;
};
