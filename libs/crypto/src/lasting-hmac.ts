import { createHmac, hash, type KeyObject } from 'node:crypto';

/** A key's two blocks (RFC 2104 §2), each with room behind it for what is hashed after it. */
interface Blocks {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
/** Longer than anything that is signed here; what is longer takes the slower way. */
const MESSAGE_BYTES = 1_024;

/**
 * HMAC (RFC 2104) for keys that are used again and again and live as long as the process: an engine's. Two one-shot hashes
 * over blocks that are made once, their digests taken as text. Node's `Hmac`, and each buffer that comes out of `crypto`, has
 * memory outside V8's, and to make it and have it collected costs more than the hashing.
 *
 * The blocks stay in memory as long as the key object does, and nobody wipes them: not for users' data keys, which OpenSSL
 * clears when they leave their cache.
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
  if (bytes.length > blockBytes) throw new RangeError(`a key has ${blockBytes} bytes at most`);
  // Memory of their own: the pool that small buffers share is handed out again with what lies in it.
  const inner = Buffer.alloc(blockBytes + MESSAGE_BYTES, INNER_PAD);
  const outer = Buffer.alloc(blockBytes + blockBytes / 2, OUTER_PAD);
  for (const [index, byte] of bytes.entries()) {
    inner[index] = byte ^ INNER_PAD;
    outer[index] = byte ^ OUTER_PAD;
  }
  bytes.fill(0);
  return { inner, outer };
};
