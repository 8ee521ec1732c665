import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeFetch, type FetchResponse } from './decode-fetch.ts';
import { MAX_DECOMPRESSED_BYTES } from './decompress.ts';
import { encodeProduce, type ProducedMessage } from './encode-produce.ts';
import { Fetch } from './kafkajs.ts';
import { fetchedEndOf } from './patch-batch.ts';
import { MAX_HEADERS } from './patch-decoder.ts';

const kafkajs = Fetch.protocol({ version: 11 })({ maxWaitTime: 1, minBytes: 1, topics: [] }).response;

const NOW = 1_795_373_232_521;
/** The bytes before the batch of a request for one partition of the topic `t`. */
const BEFORE_BATCH = 12 + 2 + 1 + 4 + 4 + 4;
const LENGTH_AT = 8;
const MAGIC_AT = 16;
const ATTRIBUTES_AT = 21;

interface BatchParts {
  readonly firstOffset: bigint;
  readonly attributes: number;
  readonly messages: readonly ProducedMessage[];
}

/** A batch as a broker stores it. */
const batchOf = ({ firstOffset, attributes, messages }: BatchParts): Buffer => {
  const request = { acks: -1, timeout: 1, topicData: [{ topic: 't', partitions: [{ partition: 0, messages }] }] };
  const batch = encodeProduce(request, NOW)?.subarray(BEFORE_BATCH) ?? Buffer.alloc(0);
  batch.writeBigInt64BE(firstOffset);
  batch.writeInt16BE(attributes, ATTRIBUTES_AT);
  return batch;
};

interface PartitionParts {
  readonly partition: number;
  readonly errorCode: number;
  readonly offsets: readonly [bigint, bigint, bigint];
  readonly aborted: readonly bigint[];
  readonly batches: Buffer;
}

const numbers = (write: (out: Buffer) => number, size: number): Buffer => {
  const out = Buffer.alloc(size);
  write(out);
  return out;
};
const int16 = (value: number) => numbers((out) => out.writeInt16BE(value), 2);
const int32 = (value: number) => numbers((out) => out.writeInt32BE(value), 4);
const int64 = (value: bigint) => numbers((out) => out.writeBigInt64BE(value), 8);

const partitionBytes = ({ partition, errorCode, offsets, aborted, batches }: PartitionParts): Buffer =>
  Buffer.concat([
    int32(partition),
    int16(errorCode),
    ...offsets.map(int64),
    int32(aborted.length === 0 ? -1 : aborted.length),
    ...aborted.flatMap((offset) => [int64(7n), int64(offset)]),
    int32(-1),
    int32(batches.length),
    batches,
  ]);

const answerOf = (partitions: readonly PartitionParts[]): Buffer =>
  Buffer.concat([
    int32(0),
    int16(0),
    int32(0),
    int32(1),
    int16(6),
    Buffer.from('topic6'),
    int32(partitions.length),
    ...partitions.map(partitionBytes),
  ]);

const onePartition = (batches: Buffer, aborted: readonly bigint[] = []): Buffer =>
  answerOf([{ partition: 3, errorCode: 0, offsets: [9n, 9n, 0n], aborted, batches }]);

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
/** Without names that every object has: kafkajs takes them for repeated ones. */
const message = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(fc.stringMatching(/^x-[a-z_ü-]{0,20}$/), bytes, { maxKeys: 9, noNullPrototype: true }),
});
const CREATED = 0;
const APPENDED = 0x08;
const CONTROL = 0x20;
const batch = fc
  .record({
    firstOffset: fc.bigInt(0n, 2n ** 52n),
    attributes: fc.constantFrom(CREATED, APPENDED, APPENDED | CONTROL),
    messages: fc.array(message, { minLength: 1, maxLength: 40 }),
  })
  .map(batchOf);
const offset = fc.bigInt(-1n, 2n ** 52n);
const partition = fc.record({
  partition: fc.nat(100),
  errorCode: fc.integer({ min: -1, max: 90 }),
  offsets: fc.tuple(offset, offset, offset),
  aborted: fc.constant([]),
  // Cut off anywhere, as at the response's size limit; kafkajs throws where only a part of a first batch header is left.
  batches: fc
    .tuple(fc.array(batch, { maxLength: 3 }), fc.option(fc.nat(120)))
    .map(([all, cut]) => Buffer.concat(all).subarray(0, cut === null ? undefined : -cut || undefined))
    .filter(({ length }) => length === 0 || length > MAGIC_AT),
});

/** The parts of a response that the bus uses. */
const used = ({ responses, ...rest }: FetchResponse) => ({
  ...rest,
  responses: responses.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ messages, ...of }) => ({
      ...of,
      messages: messages.map(({ headers, batchContext: { inTransaction, producerId }, ...each }) => ({
        ...each,
        headers: { ...headers },
        batchContext: { inTransaction, producerId },
      })),
    })),
  })),
});

it('decodes what kafkajs decodes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(partition, { maxLength: 3 }), async (partitions) => {
      const answer = answerOf(partitions);
      const ours = decodeFetch(answer);
      expect(ours === null ? null : used(ours)).toEqual(used(await kafkajs.decode(answer)));
    }),
    { numRuns: 150 },
  );
});

const whole = batchOf({ firstOffset: 5n, attributes: CREATED, messages: [{ key: null, value: Buffer.from('v') }] });
const changed = (change: (batch: Buffer) => unknown): Buffer => {
  const copy = Buffer.from(whole);
  change(copy);
  return copy;
};

it('returns no records where only a part of a batch header is left', () => {
  const read = decodeFetch(onePartition(whole.subarray(0, MAGIC_AT)));
  expect(read?.responses[0]?.partitions[0]?.messages).toEqual([]);
});

it.each([
  ['an older format', onePartition(changed((one) => one.writeInt8(1, MAGIC_AT)))],
  ['an aborted transaction', onePartition(whole, [4n])],
  ['an offset beyond 2^53', onePartition(changed((one) => one.writeBigInt64BE(2n ** 54n)))],
  ['a batch with a negative length', onePartition(changed((one) => one.writeInt32BE(-40, LENGTH_AT)))],
  ['a truncated response', onePartition(whole).subarray(0, -3)],
])('leaves %s to kafkajs', (_what, answer) => {
  expect(decodeFetch(answer)).toBeNull();
});

it('never throws, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.array(partition, { maxLength: 2 }), fc.array(fc.tuple(fc.nat(), fc.nat(255))), (parts, changes) => {
      const answer = answerOf(parts);
      for (const [at, byte] of changes) answer[at % answer.length] = byte;
      decodeFetch(answer);
    }),
    { numRuns: 300 },
  );
});

it('decodes all headers up to the limit, and none beyond it', () => {
  const headers = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, Buffer.alloc(1)]));
  const messages = [MAX_HEADERS, MAX_HEADERS + 1].map((count) => ({ key: null, value: null, headers: headers(count) }));
  const read = decodeFetch(onePartition(batchOf({ firstOffset: 0n, attributes: CREATED, messages })));
  const counts = read?.responses[0]?.partitions[0]?.messages.map((one) => Object.keys(one.headers).length);
  expect(counts).toEqual([MAX_HEADERS, 0]);
});

it('treats names that every object has as ordinary header names', () => {
  const messages = [{ key: null, value: null, headers: { toString: Buffer.from('text') } }];
  const read = decodeFetch(onePartition(batchOf({ firstOffset: 0n, attributes: CREATED, messages })));
  const headers = read?.responses[0]?.partitions[0]?.messages[0]?.headers;
  expect(String(headers?.['toString'])).toBe('text');
  expect(headers?.['constructor']).toBeUndefined();
});

it('takes the last value of a repeated header, and none where it is null', () => {
  const [first, last] = [Buffer.from('1st'), Buffer.from('2nd')];
  const messages = [
    { key: null, value: null, headers: { 'x-a': first, 'x-b': last, 'x-c': first, 'x-d': Buffer.alloc(0) } },
  ];
  const batch = batchOf({ firstOffset: 0n, attributes: CREATED, messages });
  // Repeats two names, and makes the last value null: the length -1 instead of 0.
  batch.write('x-a', batch.indexOf('x-b'));
  const end = batch.indexOf('x-d');
  batch.write('x-c', end);
  batch.writeUInt8(1, end + 3);
  const headers = decodeFetch(onePartition(batch))?.responses[0]?.partitions[0]?.messages[0]?.headers;
  expect({ ...headers }).toEqual({ 'x-a': last });
});

/** The records section of a batch starts here. */
const RECORDS_AT = 61;

/** A batch with its records section replaced, under the attributes of a codec. */
const withRecords = (attributes: number, replace: (records: Buffer) => Buffer, source = whole): Buffer => {
  const batch = Buffer.concat([source.subarray(0, RECORDS_AT), replace(source.subarray(RECORDS_AT))]);
  batch.writeInt32BE(batch.length - 12, LENGTH_AT);
  batch.writeInt16BE(attributes, ATTRIBUTES_AT);
  return batch;
};
const read = (batches: Buffer) => decodeFetch(onePartition(batches))?.responses[0]?.partitions[0]?.messages ?? [];
const [GZIP, SNAPPY, ZSTD] = [1, 2, 4];

it.each([
  ['gzip', withRecords(GZIP, (records) => gzipSync(records))],
  ['zstd', withRecords(ZSTD, (records) => zstdCompressSync(records))],
])('decodes a batch that was compressed with %s', (_codec, batch) => {
  const [message] = read(batch);
  expect(message).toMatchObject({ offset: '5', value: Buffer.from('v'), batchContext: { timestampType: 0 } });
  expect(message?.batchContext.undecodedCodec).toBeUndefined();
});

it.each([
  ['snappy', withRecords(SNAPPY, (records) => records)],
  ['gzip', withRecords(GZIP, (records) => records)],
  ['zstd', withRecords(ZSTD, () => zstdCompressSync(Buffer.alloc(MAX_DECOMPRESSED_BYTES + 1)))],
  ['none', withRecords(CREATED, (records) => records.subarray(0, -1))],
])('passes a batch of codec %s on as it is when its records cannot be decoded, and reads the next', (codec, batch) => {
  const next = batchOf({ firstOffset: 6n, attributes: APPENDED, messages: [{ key: null, value: Buffer.from('n') }] });
  const messages = read(Buffer.concat([batch, next]));
  expect(messages).toHaveLength(2);
  expect(messages[0]).toMatchObject({ offset: '5', key: null, batchContext: { undecodedCodec: codec } });
  expect(messages[0]?.value?.equals(batch)).toBe(true);
  expect(messages[1]).toMatchObject({ offset: '6', value: Buffer.from('n'), batchContext: { timestampType: 1 } });
  expect(fetchedEndOf({ rawMessages: messages })).toBe(7);
});
