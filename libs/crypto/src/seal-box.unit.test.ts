import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reveal, secretOf } from './plaintext.ts';
import { BOX_OVERHEAD_BYTES, openBox, sealBox } from './seal-box.ts';

const key = createSecretKey(randomBytes(32));
const KID = 0x00c0ffee;
const aad = Buffer.from('bound to this');
const seal = (text = 'abcd') => sealBox(key, KID, aad, secretOf(Buffer.from(text)));

describe('a sealed box', () => {
  it('opens under its key, id and associated data, and is 46 bytes longer than its plaintext', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.uint8Array(), fc.nat(0xffff_ffff), (bytes, data, kid) => {
        const box = sealBox(key, kid, Buffer.from(data), secretOf(Buffer.from(bytes)));
        const opened = openBox(key, kid, Buffer.from(data), box);
        expect(opened.ok && reveal(opened.value).equals(bytes)).toBe(true);
        expect(box.length).toBe(bytes.length + 46);
        expect(BOX_OVERHEAD_BYTES).toBe(46);
      }),
    );
  });

  it('differs each time it is sealed', () => {
    expect(seal().equals(seal())).toBe(false);
  });

  it('is refused under another key, id or associated data', () => {
    expect(openBox(createSecretKey(randomBytes(32)), KID, aad, seal())).toEqual({ ok: false, reason: 'tampered' });
    expect(openBox(key, KID + 1, aad, seal())).toEqual({ ok: false, reason: 'other_key' });
    expect(openBox(key, KID, Buffer.from('bound to that'), seal())).toEqual({ ok: false, reason: 'tampered' });
  });

  it.each([
    ['version', 0, 'unknown_version'],
    ['suite', 1, 'unknown_suite'],
    ['key id', 5, 'other_key'],
    ['salt', 6, 'tampered'],
    ['ciphertext', 30, 'tampered'],
  ])('is refused with another %s', (_what, at, reason) => {
    const box = seal();
    box[at] = (box[at] ?? 0) ^ 2;
    expect(openBox(key, KID, aad, box)).toEqual({ ok: false, reason });
  });

  it('is refused with a changed bit anywhere', () => {
    const box = seal();
    fc.assert(
      fc.property(fc.nat({ max: box.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const copy = Buffer.from(box);
        copy[at] = (copy[at] ?? 0) ^ (1 << bit);
        expect(openBox(key, KID, aad, copy).ok).toBe(false);
      }),
    );
  });

  it('is refused with a truncated tag, or truncated anywhere', () => {
    const box = seal();
    for (let length = 0; length < box.length; length += 1) {
      expect(openBox(key, KID, aad, box.subarray(0, length)).ok).toBe(false);
    }
    expect(openBox(key, KID, aad, seal('').subarray(0, -4))).toEqual({ ok: false, reason: 'malformed' });
  });

  it('copies the plaintext: wiping the secret afterwards leaves the box intact', () => {
    const secret = secretOf(Buffer.from('abcd'));
    const box = sealBox(key, KID, aad, secret);
    secret.wipe();
    const opened = openBox(key, KID, aad, box);
    expect(opened.ok && reveal(opened.value).toString()).toBe('abcd');
  });
});
