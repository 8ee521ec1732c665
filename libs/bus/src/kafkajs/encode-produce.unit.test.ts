import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { crc32c } from './crc32c.ts';
import { encodeProduce, type ProduceRequest } from './encode-produce.ts';
import { Produce } from './kafkajs.ts';

const NOW = 1_795_373_232_521;
const kafkajs = Produce.protocol({ version: 7 });

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const message = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }), bytes, {
    maxKeys: 6,
    noNullPrototype: true,
  }),
});
const partition = fc.record({
  partition: fc.nat(100),
  messages: fc.array(message, { minLength: 1, maxLength: 150 }),
  firstSequence: fc.constant(0),
});
const topicData = fc.array(
  fc.record({
    topic: fc.stringMatching(/^[a-z.]{1,40}$/),
    partitions: fc.array(partition, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 2 },
);

it('encodes as kafkajs does, byte for byte', async () => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
  await fc.assert(
    fc.asyncProperty(topicData, fc.constantFrom(-1, 1), fc.nat(100_000), async (topics, acks, timeout) => {
      const request: ProduceRequest = { acks, timeout, compression: 0, topicData: topics };
      const theirs = await kafkajs(request).request.encode();
      expect(encodeProduce(request, NOW)?.equals(theirs.buffer)).toBe(true);
    }),
    { numRuns: 60 },
  );
  vi.useRealTimers();
});

const requestOf = (produced: ProduceRequest['topicData'][0]['partitions'][0]['messages'][0]): ProduceRequest => ({
  acks: -1,
  timeout: 1,
  topicData: [{ topic: 't', partitions: [{ partition: 0, messages: [produced] }] }],
});

it.each([
  ['text as a key', requestOf({ key: 'k', value: null })],
  ['text as a value', requestOf({ key: null, value: 'v' })],
  ['text as a header', requestOf({ key: null, value: null, headers: { name: 'text' } })],
  ['a repeated header', requestOf({ key: null, value: null, headers: { name: [Buffer.alloc(1)] } })],
  ['a timestamp', requestOf({ key: null, value: null, timestamp: '5' })],
  ['compression', { ...requestOf({}), compression: 1 }],
  ['a transaction', { ...requestOf({}), transactionalId: 'id' }],
  ['an idempotent producer', { ...requestOf({}), producerId: { toString: () => '7' } }],
])('leaves %s to kafkajs', (_what, request) => {
  expect(encodeProduce(request, NOW)).toBeNull();
});

it('computes the CRC-32C test values of RFC 3720, appendix B.4', () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});
