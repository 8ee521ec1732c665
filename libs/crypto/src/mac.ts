import { hash, timingSafeEqual } from 'node:crypto';
import { lastingHmac } from './lasting-hmac.ts';

/** HMAC-SHA256 under a key that lives as long as the process; see {@link lastingHmac}. */
export const hmacSha256 = lastingHmac('sha256');

/** SHA-256 of public or random bytes. */
export const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash('sha256', bytes, 'binary'), 'binary');

/** Whether two byte strings are equal, in a time that depends on their lengths only. */
export const equalBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && timingSafeEqual(left, right);
