import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canon } from './canon.ts';
import { dataKey } from './data-key.ts';
import { expand64 } from './derive.ts';
import { gcmSeal } from './gcm.ts';
import { metadataHash } from './metadata-hash.ts';
import { reveal, secretOf } from './plaintext.ts';
import { ciphertext, openRecord, type RecordContext, sealRecord } from './seal-record.ts';

const key = dataKey(randomBytes(16), randomBytes(32));
const metadata = { tokenType: 'Bearer', scopes: ['email'], expiresAt: 1, refreshExpiresAt: null, params: { a: 'b' } };
const context: RecordContext = {
  user: 'u1',
  platform: 'gmail',
  slot: 'access',
  version: 1_790_000_000_000_000,
  metadataHash: metadataHash(metadata),
};
const seal = (text = 'abcd') => sealRecord(key, context, secretOf(Buffer.from(text)));
const changed = (sealed: Buffer, at: number, to: number) => {
  const copy = Buffer.from(sealed);
  copy[at] = to;
  return ciphertext(copy);
};

describe('a sealed record', () => {
  it('opens in its own slot', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.string(), (bytes, user) => {
        const place = { ...context, user };
        const sealed = sealRecord(key, place, secretOf(Buffer.from(bytes)));
        const opened = openRecord(key, place, sealed);
        expect(opened.ok && reveal(opened.value).equals(bytes)).toBe(true);
        expect(sealed.length).toBe(bytes.length + 100);
      }),
    );
  });

  it('differs each time it is sealed', () => {
    expect(seal().equals(seal())).toBe(false);
  });

  it.each<[string, Partial<RecordContext>]>([
    ['user', { user: 'u2' }],
    ['platform', { platform: 'slack' }],
    ['slot', { slot: 'refresh' }],
    ['version', { version: context.version - 1 }],
    ['metadata', { metadataHash: metadataHash({ ...metadata, scopes: ['email', 'admin'] }) }],
  ])('is refused with a swapped %s', (_field, other) => {
    expect(openRecord(key, { ...context, ...other }, seal())).toEqual({ ok: false, reason: 'context' });
  });

  it('is refused where the boundary between user and platform is shifted', () => {
    const sealed = sealRecord(key, { ...context, user: 'ab', platform: 'c' }, secretOf(Buffer.from('x')));
    expect(openRecord(key, { ...context, user: 'a', platform: 'bc' }, sealed)).toEqual({
      ok: false,
      reason: 'context',
    });
  });

  it.each([
    ['another magic', 0, 0, 'malformed'],
    ['an older version', 2, 0, 'unknown_version'],
    ['another suite', 3, 0, 'unknown_suite'],
    ['another key id', 4, 0, 'other_key'],
    ['another salt', 20, 0, 'context'],
    ['another commitment', 52, 0, 'context'],
    ['changed ciphertext', 84, 0, 'tampered'],
  ])('is refused with %s', (_what, at, xor, reason) => {
    const sealed = seal();
    expect(openRecord(key, context, changed(sealed, at, (sealed[at] ?? 0) ^ (xor || 0x80)))).toEqual({
      ok: false,
      reason,
    });
  });

  it('is refused with a changed bit anywhere', () => {
    const sealed = seal();
    fc.assert(
      fc.property(fc.nat({ max: sealed.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        expect(openRecord(key, context, changed(sealed, at, (sealed[at] ?? 0) ^ (1 << bit))).ok).toBe(false);
      }),
    );
  });

  it('is refused with a truncated tag, or with bytes removed or added', () => {
    const sealed = seal('');
    for (let length = 0; length < sealed.length; length += 1) {
      expect(openRecord(key, context, ciphertext(sealed.subarray(0, length))).ok).toBe(false);
    }
    const longer = seal();
    expect(openRecord(key, context, ciphertext(longer.subarray(0, -4)))).toEqual({ ok: false, reason: 'tampered' });
    expect(openRecord(key, context, ciphertext(Buffer.concat([longer, Buffer.alloc(1)]))).ok).toBe(false);
  });

  it('is refused under another key of the same id', () => {
    const other = dataKey(key.kid, randomBytes(32));
    expect(openRecord(other, context, seal())).toEqual({ ok: false, reason: 'context' });
  });

  it('is refused under a second key, even where ciphertext and tag are valid under both', () => {
    // What an attacker who knows both keys can make: everything of the second key but the commitment of the first.
    const other = dataKey(key.kid, randomBytes(32));
    const header = seal().subarray(0, 84);
    const fields = [
      context.user,
      context.platform,
      context.slot,
      String(context.version),
      context.metadataHash,
    ] as const;
    const okm = expand64(other.key, canon('VE/rec/v1', other.kid, header.subarray(20, 52), ...fields));
    const aad = canon('VE/rec/v1', header, ...fields);
    const body = gcmSeal(createSecretKey(okm.subarray(0, 32)), Buffer.alloc(12), aad, Buffer.from('abcd'));
    const twoKeys = ciphertext(Buffer.concat([header, ...body]));

    expect(openRecord(other, context, twoKeys)).toEqual({ ok: false, reason: 'context' });
    expect(openRecord(key, context, twoKeys)).toEqual({ ok: false, reason: 'tampered' });
  });
});

describe('a data key', () => {
  it('takes an id of 16 bytes and a key of 32', () => {
    expect(() => dataKey(randomBytes(15), randomBytes(32))).toThrow(RangeError);
    expect(() => dataKey(randomBytes(16), randomBytes(31))).toThrow(RangeError);
  });
});
