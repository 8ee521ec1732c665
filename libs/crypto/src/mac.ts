import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { lastingHmac } from './lasting-hmac.ts';

/** HMAC-SHA256. Keys are `KeyObject`s: on Node 24 a raw buffer costs five times as much. */
export const hmacSha256 = (key: KeyObject, message: Uint8Array): Buffer =>
  createHmac('sha256', key).update(message).digest();

/** {@link hmacSha256} under a key that lives as long as the process. */
export const lastingHmacSha256 = lastingHmac('sha256');

/** SHA-256 of public or random bytes. */
export const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash('sha256', bytes, 'binary'), 'binary');

/** Whether two byte strings are equal, in a time that depends on their lengths only. */
export const equalBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && timingSafeEqual(left, right);
