import fc from 'fast-check';
import { expect, test } from 'vitest';
import { drawSalt, saltPool } from './draw-salt.ts';

test('each byte of a pool is handed out once, and what was handed out stays as it is', () => {
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

test('two salts are not the same', () => {
  const salts = Array.from({ length: 1_000 }, () => drawSalt(24).toString('hex'));
  expect(new Set(salts).size).toBe(1_000);
});
