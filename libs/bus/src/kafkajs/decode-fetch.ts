import { Cursor, safe } from './cursor.ts';
import { codecOf, decompress } from './decompress.ts';
import { Fetch } from './kafkajs.ts';
import { setFetchedEnd } from './patch-batch.ts';
import { MAX_HEADERS } from './patch-decoder.ts';
import { patchMethod } from './patch-method.ts';

/** The newest version that kafkajs knows; every broker since Kafka 2.3 speaks it. */
const VERSION = 11;

/**
 * Patches the decoding of Fetch responses, for speed: kafkajs 2.2.4 spends more time on reading a record than on writing one.
 * {@link decodeFetch} reads a response in one pass; what it does not know is left to kafkajs.
 */
export function patchFetch(): void {
  patchMethod(Fetch, 'protocol', (protocol) => {
    if (!Fetch.versions.includes(String(VERSION)))
      throw new Error('kafkajs has changed: its Fetch protocol is another version');
    return ({ version }) => {
      const make = protocol({ version });
      return version === VERSION ? (asked) => quickenDecoding(make(asked)) : make;
    };
  });
}

type KafkaRequest = ReturnType<ReturnType<typeof Fetch.protocol>>;

const quickenDecoding = (created: KafkaRequest): KafkaRequest => ({
  ...created,
  response: { ...created.response, decode: async (bytes) => decodeFetch(bytes) ?? created.response.decode(bytes) },
});

/** A Fetch response, in the form in which kafkajs hands it on. */
export interface FetchResponse {
  readonly throttleTime: number;
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPartition[] }[];
}

/** The part of one partition. Offsets are decimal text, as everywhere in kafkajs. */
export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly lastStartOffset: string;
  readonly abortedTransactions: readonly never[];
  readonly preferredReadReplica: number;
  readonly messages: readonly FetchedMessage[];
}

/** One record. */
export interface FetchedMessage {
  readonly magicByte: number;
  readonly attributes: number;
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Without a prototype. The last value of a repeated name counts. */
  readonly headers: Readonly<Record<string, Buffer>>;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
}

/** The fields that the records of one batch share in kafkajs's form. */
export interface BatchContext {
  readonly inTransaction: boolean;
  readonly producerId: string;
  /** 0: CreateTime, 1: LogAppendTime. */
  readonly timestampType: number;
  /**
   * The codec of a batch that was not decoded; undefined: it was. Its only message has the bytes of the whole batch as its value
   * and the last offset of the batch.
   */
  readonly undecodedCodec?: string;
}

/**
 * Decodes the body of a Fetch response, version 11, with record batches of magic 2
 * (https://kafka.apache.org/protocol#The_Messages_Fetch, https://kafka.apache.org/documentation/#recordbatch), in one pass.
 * kafkajs creates a decoder for each record, reads each number as a big integer, and writes offsets as text to read them
 * again.
 *
 * A batch whose records cannot be decoded becomes one message, see {@link BatchContext}.
 *
 * @returns null for a response with aborted transactions, older formats or offsets beyond 2^53, and for a damaged one:
 * kafkajs decodes or refuses it
 */
export const decodeFetch = (bytes: Buffer): FetchResponse | null => {
  try {
    return readResponse(new Cursor(bytes, 0, bytes.length));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
};

const readResponse = (cursor: Cursor): FetchResponse => ({
  // The broker did not delay this response. It expects the client to wait for the time that follows.
  throttleTime: 0,
  clientSideThrottleTime: cursor.int32(),
  errorCode: cursor.int16(),
  sessionId: cursor.int32(),
  responses: cursor.list(readTopic),
});

const readTopic = (cursor: Cursor): FetchResponse['responses'][number] => ({
  topicName: cursor.text(cursor.int16()),
  partitions: cursor.list(readPartition),
});

const readPartition = (cursor: Cursor): FetchedPartition => ({
  partition: cursor.int32(),
  errorCode: cursor.int16(),
  highWatermark: String(cursor.int64()),
  lastStableOffset: String(cursor.int64()),
  lastStartOffset: String(cursor.int64()),
  abortedTransactions: cursor.list(refuseTransaction),
  preferredReadReplica: cursor.int32(),
  messages: readBatches(cursor),
});

const refuseTransaction = (): never => {
  throw new RangeError('an aborted transaction');
};

/** first offset, length. */
const BEFORE_LENGTH_ENDS = 8 + 4;
/** kafkajs decodes one more batch only if so many bytes are left. */
const LEAST_BATCH_BYTES = 49;

/** The last batch may be cut off where the response reached its size limit. It is fetched again. */
const readBatches = (cursor: Cursor): readonly FetchedMessage[] => {
  const messages: FetchedMessage[] = [];
  const size = cursor.int32();
  const batches = new Cursor(cursor.bytes, cursor.take(Math.max(size, 0)), cursor.at);
  let end: number | undefined;
  while (batches.end - batches.at >= LEAST_BATCH_BYTES) {
    const length = cursor.bytes.readInt32BE(batches.at + 8);
    if (batches.end - batches.at < BEFORE_LENGTH_ENDS + length) break;
    const from = batches.take(BEFORE_LENGTH_ENDS + length);
    end = readBatch(new Cursor(cursor.bytes, from, batches.at), messages);
  }
  if (end !== undefined) setFetchedEnd(messages, end);
  return messages;
};

const MAGIC = 2;
const LOG_APPEND_TIME = 0x08;
const TRANSACTION = 0x10;
const CONTROL = 0x20;

/** @returns the offset behind the batch */
const readBatch = (cursor: Cursor, messages: FetchedMessage[]): number => {
  const start = cursor.at;
  const firstOffset = cursor.int64();
  cursor.take(4 + 4); // length, leader epoch
  if (cursor.int8() !== MAGIC) throw new RangeError('an older format');
  cursor.take(4); // CRC; kafkajs does not check it either
  const attributes = cursor.int16();
  const lastOffsetDelta = cursor.int32();
  const firstTimestamp = cursor.int64();
  const maxTimestamp = cursor.int64();
  const batch: Batch = {
    firstOffset,
    firstTimestamp,
    appended: (attributes & LOG_APPEND_TIME) === 0 ? null : String(maxTimestamp),
    isControlRecord: (attributes & CONTROL) !== 0,
    batchContext: {
      inTransaction: (attributes & TRANSACTION) !== 0,
      producerId: String(cursor.int64()),
      timestampType: (attributes & LOG_APPEND_TIME) === 0 ? 0 : 1,
    },
  };
  cursor.take(2 + 4); // producer epoch, first sequence
  const end = safe(firstOffset + lastOffsetDelta + 1);
  const decodedBefore = messages.length;
  const codec = codecOf(attributes);
  try {
    const count = cursor.int32();
    const records = codec === 'none' ? cursor : decompressRest(codec, cursor);
    for (let left = count; left > 0; left -= 1) messages.push(readRecord(records, batch));
  } catch {
    messages.length = decodedBefore;
    messages.push(
      undecoded(cursor.bytes.subarray(start, cursor.end), end - 1, maxTimestamp, {
        ...batch.batchContext,
        undecodedCodec: codec,
      }),
    );
  }
  return end;
};

const decompressRest = (codec: string, cursor: Cursor): Cursor => {
  const records = decompress(codec, cursor.bytes.subarray(cursor.at, cursor.end));
  return new Cursor(records, 0, records.length);
};

/** The last offset, because a fetch may start within the batch, and kafkajs drops messages below its start. */
const undecoded = (value: Buffer, offset: number, timestamp: number, batchContext: BatchContext): FetchedMessage => ({
  magicByte: MAGIC,
  attributes: 0,
  timestamp: String(timestamp),
  offset: String(offset),
  key: null,
  value,
  headers: Object.create(null),
  isControlRecord: false,
  batchContext,
});

/** The fields that the records of a batch share. */
interface Batch {
  readonly firstOffset: number;
  readonly firstTimestamp: number;
  /** The broker's append time; null for a batch of type CreateTime. */
  readonly appended: string | null;
  readonly isControlRecord: boolean;
  readonly batchContext: FetchedMessage['batchContext'];
}

const readRecord = (
  batches: Cursor,
  { firstOffset, firstTimestamp, appended, isControlRecord, batchContext }: Batch,
): FetchedMessage => {
  const length = batches.varint();
  const cursor = new Cursor(batches.bytes, batches.take(length), batches.at);
  const attributes = cursor.int8();
  const timestamp = firstTimestamp + cursor.varint();
  return {
    magicByte: MAGIC,
    attributes,
    timestamp: appended ?? String(timestamp),
    offset: String(safe(firstOffset + cursor.varint())),
    key: cursor.bytesOrNull(),
    value: cursor.bytesOrNull(),
    headers: readHeaders(cursor),
    isControlRecord,
    batchContext,
  };
};

/** No headers of a record with more than {@link MAX_HEADERS}, as in `patch-decoder.ts`. */
const readHeaders = (cursor: Cursor): FetchedMessage['headers'] => {
  const headers: Record<string, Buffer> = Object.create(null);
  const count = cursor.varint();
  for (let index = 0; index < count && count <= MAX_HEADERS; index += 1) {
    const name = readName(cursor, index);
    const value = cursor.bytesOrNull();
    // Of a repeated name the last one counts, and a null value means that the header is absent.
    if (value === null) delete headers[name];
    else headers[name] = value;
  }
  return headers;
};

/** The header names of the last record. */
const names: { readonly bytes: Buffer; readonly text: string }[] = [];

/** Records of one topic have the same headers in the same order: a name is decoded only where it differs from the last record's. */
const readName = (cursor: Cursor, index: number): string => {
  const length = cursor.varint();
  const known = names[index];
  if (known !== undefined && cursor.startsWith(known.bytes, length)) {
    cursor.take(length);
    return known.text;
  }
  const text = cursor.text(length);
  // A copy: a slice would keep the whole response in memory.
  names[index] = { bytes: Buffer.from(text), text };
  return text;
};
