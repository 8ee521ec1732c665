import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes, hmacSha256, lastingHmac } from './mac.ts';

describe.each(['sha256', 'sha512'] as const)('HMAC with %s', (algorithm) => {
  const hmac = lastingHmac(algorithm);
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

  it('equals that of OpenSSL, regardless of what was hashed under the same key before', () => {
    const key = createSecretKey(Buffer.alloc(32, 7));
    fc.assert(
      fc.property(bytes(1_500), bytes(40), (first, second) => {
        const theirs = createHmac(algorithm, key).update(first).update(second).digest();
        expect(hmac(key, first, second).equals(theirs)).toBe(true);
      }),
    );
  });

  it('equals that of OpenSSL for every key length up to a block', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), bytes(100), (secret, message) => {
        const key = createSecretKey(secret);
        expect(hmac(key, message).equals(createHmac(algorithm, key).update(message).digest())).toBe(true);
      }),
    );
  });

  it('refuses a key that is longer than a block', () => {
    expect(() => hmac(createSecretKey(Buffer.alloc(129)), Buffer.alloc(1))).toThrow(RangeError);
  });
});

describe('hmacSha256', () => {
  it('passes test case 2 of RFC 4231', () => {
    const mac = hmacSha256(createSecretKey(Buffer.from('Jefe')), Buffer.from('what do ya want for nothing?'));
    expect(mac.toString('hex')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });
});

describe('equalBytes', () => {
  it('compares bytes, and returns false for different lengths', () => {
    expect(equalBytes(Buffer.from('ab'), Buffer.from('ab'))).toBe(true);
    expect(equalBytes(Buffer.from('ab'), Buffer.from('ac'))).toBe(false);
    expect(equalBytes(Buffer.from('ab'), Buffer.from('abc'))).toBe(false);
  });
});
