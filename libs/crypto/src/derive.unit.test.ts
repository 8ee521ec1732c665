import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expand64, hkdfKey } from './derive.ts';
import { equalBytes, hmacSha256 } from './mac.ts';

describe('derivation', () => {
  it('hkdfKey gives what RFC 5869 appendix A.3 gives (no salt, no info), cut to 32 bytes', () => {
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

describe('hmacSha256', () => {
  it('gives what RFC 4231 test case 2 gives', () => {
    const mac = hmacSha256(createSecretKey(Buffer.from('Jefe')), Buffer.from('what do ya want for nothing?'));
    expect(mac.toString('hex')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });
});

describe('equalBytes', () => {
  it('compares bytes, and answers false for other lengths', () => {
    expect(equalBytes(Buffer.from('ab'), Buffer.from('ab'))).toBe(true);
    expect(equalBytes(Buffer.from('ab'), Buffer.from('ac'))).toBe(false);
    expect(equalBytes(Buffer.from('ab'), Buffer.from('abc'))).toBe(false);
  });
});
