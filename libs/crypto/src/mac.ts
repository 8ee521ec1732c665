import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto';

/** HMAC-SHA256. Keys are `KeyObject`s: on Node 24 a raw buffer costs five times as much. */
export const hmacSha256 = (key: KeyObject, message: Uint8Array): Buffer =>
  createHmac('sha256', key).update(message).digest();

/** SHA-256 of public or random bytes. */
export const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer');

/** Whether two byte strings are equal, in a time that depends on their lengths only. */
export const equalBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && timingSafeEqual(left, right);
