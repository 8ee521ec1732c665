import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { drawSalt, expand64, hkdfKey, saltPool } from './derive.ts';

describe('derivation', () => {
  it('hkdfKey passes RFC 5869 appendix A.3 (no salt, no info), truncated to 32 bytes', () => {
    const okm = hkdfKey(createSecretKey(Buffer.alloc(22, 0x0b)), Buffer.alloc(0))
      .export()
      .toString('hex');
    expect(okm).toBe('8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d');
  });

  it('expand64 is the first block of HKDF-Expand: HMAC-SHA512 over info and the byte 01', () => {
    const key = createSecretKey(randomBytes(32));
    const info = Buffer.from('info');
    const block = createHmac('sha512', key).update(Buffer.concat([info, Buffer.from([1])]));
    expect(expand64(key, info)).toEqual(block.digest());
  });
});

test('a salt pool hands out each byte once and never overwrites it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 40 }), (sizes) => {
      let count = 0;
      const filled: Buffer[] = [];
      const draw = saltPool((pool) => {
        filled.push(pool);
        for (let at = 0; at + 4 <= pool.length; at += 4) pool.writeUInt32BE(count++, at);
      });
      const drawn = sizes.map((size) => ({ size, bytes: draw(size) }));
      const taken = drawn.map(({ bytes }) => ({
        pool: bytes.buffer,
        from: bytes.byteOffset,
        to: bytes.byteOffset + bytes.length,
      }));
      for (const [at, { size, bytes }] of drawn.entries()) {
        expect(bytes.length).toBe(size);
        const mine = taken[at];
        const overlapping = taken.filter(
          (other, index) =>
            index !== at && mine && other.pool === mine.pool && other.from < mine.to && mine.from < other.to,
        );
        expect(overlapping).toEqual([]);
      }
    }),
  );
});

test('salts differ', () => {
  const salts = Array.from({ length: 1_000 }, () => drawSalt(24).toString('hex'));
  expect(new Set(salts).size).toBe(1_000);
});
