import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { BatchContext } from './kafkajs/decode-fetch.ts';

/** Header values by name. The last value of a repeated name counts, as in Java's `Headers.lastHeader`. */
export type Headers = Readonly<Record<string, Buffer | undefined>>;

/** One record of a topic. */
export interface BusRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Unix milliseconds: the broker's append time where the topic has `message.timestamp.type=LogAppendTime`, else the sender's. */
  readonly timestamp: number;
  /** Which of the two `timestamp` is. undefined: not known, the record was not read from a broker. */
  readonly timestampType?: 'CreateTime' | 'LogAppendTime';
  readonly key: Buffer | null;
  /** null: a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Headers;
}

/** Converts a message of kafkajs. */
export function fromMessage(topic: string, partition: number, message: KafkaMessage): BusRecord {
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    timestamp: Number(message.timestamp),
    timestampType: batchContextOf(message)?.timestampType === LOG_APPEND_TIME ? 'LogAppendTime' : 'CreateTime',
    key: message.key,
    value: message.value,
    headers: toHeaders(message.headers),
  };
}

/** The codec of the batch that this message stands for, because it could not be decoded; undefined: an ordinary record. */
export const undecodedCodecOf = (message: KafkaMessage): string | undefined => batchContextOf(message)?.undecodedCodec;

/** Both decoders set it; kafkajs's types leave it out. */
const batchContextOf = (message: KafkaMessage & { readonly batchContext?: BatchContext }): BatchContext | undefined =>
  message.batchContext;

const LOG_APPEND_TIME = 1;

/** An estimate of the bytes that a record occupies in memory. Headers are covered by the overhead. */
export function sizeOf(record: { readonly key: Buffer | null; readonly value: Buffer | null }): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0) + RECORD_OVERHEAD;
}

const RECORD_OVERHEAD = 512;

/**
 * Returns an object without a prototype, so that a header named `__proto__` or `constructor` is a header like any other.
 * `decodeFetch` builds it so; kafkajs does not.
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
 * The last value of a header; undefined where it is null. kafkajs gives an array for a repeated name. It takes a name that
 * every object has (`toString`) for a repeated one, with an inherited function as the first value.
 */
function lastBuffer(value: IHeaders[string]): Buffer | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const last = values.at(-1);
  return Buffer.isBuffer(last) ? last : undefined;
}
