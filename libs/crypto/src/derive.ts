import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { lastingHmac } from './lasting-hmac.ts';

/** Where random bytes come from; `crypto.randomBytes` outside tests. */
export type Random = (size: number) => Buffer;

const NO_SALT = Buffer.alloc(0);
const FIRST_BLOCK = Buffer.from([1]);

/** HKDF-SHA256 (RFC 5869) with an empty salt: 32 bytes for `info` from a key that is uniformly random already. */
export const hkdfKey = (key: KeyObject, info: Buffer): KeyObject => {
  const bytes = Buffer.from(hkdfSync('sha256', key, NO_SALT, info, 32));
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
};

/**
 * The first block of HKDF-Expand with SHA-512 (RFC 5869 §2.3): `HMAC-SHA512(key, info ‖ 01)`, 64 bytes. Twice as fast as
 * `hkdfSync` on Node 24; extraction is left out because the keys are uniformly random. The caller wipes the answer.
 */
export const expand64 = (key: KeyObject, info: Buffer): Buffer =>
  createHmac('sha512', key).update(info).update(FIRST_BLOCK).digest();

const hmacSha512 = lastingHmac('sha512');

/** {@link expand64} of a key that lives as long as the process. */
export const expandLasting64 = (key: KeyObject, info: Buffer): Buffer => hmacSha512(key, info, FIRST_BLOCK);
