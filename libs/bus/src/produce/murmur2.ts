/** The 32-bit hash of Java's default partitioner (`org.apache.kafka.common.utils.Utils.murmur2`). Signed, as in Java. */
export function murmur2(data: Buffer): number {
  const whole = data.length & ~3;
  let hash = SEED ^ data.length;
  for (let at = 0; at < whole; at += 4) {
    const k = Math.imul(data.readInt32LE(at), M);
    hash = Math.imul(hash, M) ^ Math.imul(k ^ (k >>> R), M);
  }
  if (whole < data.length) hash = Math.imul(hash ^ data.readUIntLE(whole, data.length - whole), M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return (hash ^ (hash >>> 15)) | 0;
}

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/** The partition that Java's default partitioner chooses for a key. */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
