import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto';

/** HMAC-SHA256. Keys are `KeyObject`s: on Node 24 a raw buffer is five times slower. */
export const hmacSha256 = (key: KeyObject, message: Uint8Array): Buffer =>
  createHmac('sha256', key).update(message).digest();

/** SHA-256 of public or random bytes. */
export const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash('sha256', bytes, 'binary'), 'binary');

/** Whether two byte strings are equal, in a time that depends on their lengths only. */
export const equalBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && timingSafeEqual(left, right);

/** A key's inner and outer block (RFC 2104 §2), each followed by space for the bytes that are hashed after it. */
interface Blocks {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
/** Longer than any MAC input of the protocol. Longer messages take the slower path. */
const MESSAGE_BYTES = 1_024;

/**
 * HMAC (RFC 2104) for keys that are used repeatedly and live as long as the process, such as an engine's. It runs two
 * one-shot hashes over blocks that are built once per key. Node's `Hmac` objects and the buffers that `crypto` returns
 * are allocated outside V8's heap, and allocating and collecting them costs more than the hashing (measured).
 *
 * The blocks stay in memory as long as the key object and are never wiped, and digests pass through JavaScript strings.
 * Do not use this for users' data keys: OpenSSL clears those when they leave their cache.
 */
export const lastingHmac = (
  algorithm: 'sha256' | 'sha512',
): ((key: KeyObject, first: Uint8Array, second?: Uint8Array) => Buffer) => {
  const blockBytes = BLOCK_BYTES[algorithm];
  const known = new WeakMap<KeyObject, Blocks>();
  const blocksOf = (key: KeyObject): Blocks => {
    const made = known.get(key);
    if (made !== undefined) return made;
    const blocks = makeBlocks(key, blockBytes);
    known.set(key, blocks);
    return blocks;
  };
  return (key, first, second = NOTHING) => {
    const length = first.length + second.length;
    if (length > MESSAGE_BYTES) return createHmac(algorithm, key).update(first).update(second).digest();
    const { inner, outer } = blocksOf(key);
    inner.set(first, blockBytes);
    inner.set(second, blockBytes + first.length);
    outer.write(hash(algorithm, inner.subarray(0, blockBytes + length), 'binary'), blockBytes, 'binary');
    return Buffer.from(hash(algorithm, outer, 'binary'), 'binary');
  };
};

const BLOCK_BYTES = { sha256: 64, sha512: 128 } as const;
const NOTHING = Buffer.alloc(0);

const makeBlocks = (key: KeyObject, blockBytes: number): Blocks => {
  const bytes = key.export();
  if (bytes.length > blockBytes) throw new RangeError(`a key has at most ${blockBytes} bytes`);
  // Not from the pool of small buffers: the pool is reused without being cleared.
  const inner = Buffer.alloc(blockBytes + MESSAGE_BYTES, INNER_PAD);
  const outer = Buffer.alloc(blockBytes + blockBytes / 2, OUTER_PAD);
  for (const [index, byte] of bytes.entries()) {
    inner[index] = byte ^ INNER_PAD;
    outer[index] = byte ^ OUTER_PAD;
  }
  bytes.fill(0);
  return { inner, outer };
};

/** {@link hmacSha256} under a key that lives as long as the process. */
export const lastingHmacSha256 = lastingHmac('sha256');
