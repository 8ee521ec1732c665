import { reveal } from '@vault-engine/crypto/plaintext';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  credentialDigest,
  deriveEngineKeys,
  exportSubkeys,
  importSubkeys,
  mintCredential,
  parseCredential,
  revealCredential,
} from './credential.ts';

const bytesOf = (keys: ReturnType<typeof deriveEngineKeys>) => reveal(exportSubkeys(keys)).toString('hex');

describe('a credential', () => {
  it('is parsed from the text that is shown once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 36, maxLength: 36 }), (bytes) => {
        const drawn = [Buffer.from(bytes.subarray(0, 4)), Buffer.from(bytes.subarray(4))];
        const minted = mintCredential(() => drawn.shift() ?? Buffer.alloc(0));
        const text = revealCredential(minted);
        const parsed = parseCredential(text);
        expect(text).toMatch(/^vek1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{43}$/);
        expect(parsed.ok && parsed.value.kid).toBe(minted.kid);
        expect(parsed.ok && reveal(parsed.value.secret).equals(bytes.subarray(4))).toBe(true);
        expect(parsed.ok && credentialDigest(parsed.value).equals(credentialDigest(minted))).toBe(true);
      }),
    );
  });

  const secret = 'A'.repeat(43);
  it.each([
    ['nothing', ''],
    ['another scheme', `vek2.01020304.${secret}`],
    ['an upper-case kid', `vek1.0A020304.${secret}`],
    ['a short kid', `vek1.0102030.${secret}`],
    ['a short secret', `vek1.01020304.${secret.slice(1)}`],
    ['a long secret', `vek1.01020304.${secret}A`],
    ['padding', `vek1.01020304.${secret}=`],
    ['a second way to write the same bytes', `vek1.01020304.${'A'.repeat(42)}B`],
    ['another alphabet', `vek1.01020304.${'A'.repeat(42)}+`],
    ['white space around it', ` vek1.01020304.${secret}`],
    ['a line break behind it', `vek1.01020304.${secret}\n`],
    ['a further part', `vek1.01020304.${secret}.x`],
  ])('is not read from %s', (_what, text) => {
    expect(parseCredential(text)).toEqual({ ok: false, reason: 'malformed' });
  });

  it('does not show its secret by accident', () => {
    const minted = mintCredential();
    expect(JSON.stringify(minted)).not.toContain(reveal(minted.secret).toString('base64url'));
  });
});

describe('engine keys', () => {
  const credential = mintCredential();
  const keys = deriveEngineKeys('action', credential);

  it('are equal on both ends', () => {
    expect(bytesOf(deriveEngineKeys('action', credential))).toBe(bytesOf(keys));
  });

  it('differ from one another, and for another engine, kid or secret', () => {
    const all = [
      bytesOf(keys).match(/.{64}/g) ?? [],
      [bytesOf(deriveEngineKeys('sync', credential))],
      [bytesOf(deriveEngineKeys('action', { ...credential, kid: '00000000' }))],
      [bytesOf(deriveEngineKeys('action', { ...mintCredential(), kid: credential.kid }))],
    ].flat();
    expect(new Set(all).size).toBe(6);
  });

  it('survive export and import', () => {
    expect(bytesOf(importSubkeys('action', credential.kid, exportSubkeys(keys)))).toBe(bytesOf(keys));
  });

  it('are not imported from a wrong number of bytes', () => {
    expect(() => importSubkeys('action', credential.kid, credential.secret)).toThrow(RangeError);
  });
});
