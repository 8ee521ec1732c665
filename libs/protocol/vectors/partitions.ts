import { partitionOf } from '@vault-engine/bus';

const COUNTS = [4, 8, 12, 48] as const;

/** Keys of every length modulo 4, which murmur2 treats differently, up to the longest user id. */
const keys: readonly string[] = [
  ...['u', 'u1', 'u12', 'u123', 'u1234', 'user-42', 'a@b.c', 'auth0|65f1c2a9', 'Zoe.Miller_+1@example.org'],
  '00000000-0000-4000-8000-000000000000',
  'f47ac10b-58cc-4372-a567-0e02b2c3d479',
  ...Array.from({ length: 16 }, (_, index) => `customer.${(index + 1) * 7_919}`),
  'x'.repeat(127),
  'x'.repeat(128),
];

export const partitionVectors = {
  about:
    'Keys of commands and their partitions of a topic with 4, 8, 12 and 48 partitions: (murmur2(key) & 0x7fffffff) mod count.',
  cases: keys.map((key) => ({
    key,
    partitions: Object.fromEntries(COUNTS.map((count) => [count, partitionOf(Buffer.from(key), count)])),
  })),
};
