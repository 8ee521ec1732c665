import type { IHeaders, KafkaMessage } from 'kafkajs';

/** Header values by name. Of a name that stands twice the last counts, as in Java's `Headers.lastHeader`. */
export type Headers = Readonly<Record<string, Buffer | undefined>>;

/** One record as it lies in a topic. */
export interface BusRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Unix milliseconds: the broker's append time where the topic has `message.timestamp.type=LogAppendTime`, else the sender's. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** null: a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Headers;
}

/** What kafkajs read, as a record of ours. */
export function toRecord(topic: string, partition: number, message: KafkaMessage): BusRecord {
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    timestamp: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: toHeaders(message.headers),
  };
}

/** The bytes that a record keeps in memory, roughly: headers are small beside what surrounds them. */
export function sizeOf(record: { readonly key: Buffer | null; readonly value: Buffer | null }): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0) + RECORD_OVERHEAD;
}

const RECORD_OVERHEAD = 512;

/**
 * Without a prototype, so that a header named `__proto__` or `constructor` is a header like any other. `decodeFetch` makes
 * them so; kafkajs does not.
 */
function toHeaders(headers: IHeaders | undefined): Headers {
  if (headers !== undefined && Object.getPrototypeOf(headers) === null) return headers as Headers;
  const out: Record<string, Buffer | undefined> = Object.create(null);
  for (const name in headers) {
    const value = lastBuffer(headers[name]);
    if (value !== undefined) out[name] = value;
  }
  return out;
}

/**
 * kafkajs gives an array for a repeated name, and mistakes the first of a name that every object has (`toString`) for a
 * repeated one: then the array begins with a function.
 */
function lastBuffer(value: IHeaders[string]): Buffer | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.findLast((one): one is Buffer => Buffer.isBuffer(one));
}
