import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastingHmac } from './lasting-hmac.ts';

describe.each(['sha256', 'sha512'] as const)('HMAC with %s', (algorithm) => {
  const hmac = lastingHmac(algorithm);
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

  it('is that of OpenSSL, whatever was hashed under the same key before', () => {
    const key = createSecretKey(Buffer.alloc(32, 7));
    fc.assert(
      fc.property(bytes(1_500), bytes(40), (first, second) => {
        const theirs = createHmac(algorithm, key).update(first).update(second).digest();
        expect(hmac(key, first, second).equals(theirs)).toBe(true);
      }),
    );
  });

  it('is that of OpenSSL for every length of a key up to a block', () => {
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
