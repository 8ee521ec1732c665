import { describe, expect, it } from 'vitest';
import { murmur2, partitionOf } from './murmur2.ts';

// Computed by org.apache.kafka.common.utils.Utils of Kafka 4.1: key, hash, partition of twelve.
const JAVA: readonly (readonly [string, number, number])[] = [
  ['', 275646681, 9],
  ['a', -1563381124, 4],
  ['ab', 316155434, 2],
  ['abc', 479470107, 3],
  ['abcd', -1323649548, 8],
  ['21', -973932308, 0],
  ['foobar', -790332482, 6],
  ['a-little-bit-long-string', -985981536, 8],
  ['a-little-bit-longer-string', -1486304829, 11],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971, 5],
  ['u1', 745337584, 4],
  ['user-42', 1459644460, 4],
  ['żółć', 475252577, 5],
  ['😀', 131881617, 9],
];

describe('murmur2', () => {
  it.each(JAVA)('hashes %j to the value and partition of Java’s partitioner', (key, hash, partition) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
    expect(partitionOf(Buffer.from(key), 12)).toBe(partition);
  });

  it('hashes bytes above 127 as Java does', () => {
    expect(murmur2(Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1)))).toBe(-40751598);
    expect(murmur2(Buffer.from([0xff, 0xfe, 0x80]))).toBe(-160726397);
  });
});
