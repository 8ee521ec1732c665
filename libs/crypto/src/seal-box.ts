/**
 * The sealed box that carries a token over Kafka, 46 bytes longer than the token:
 *
 *     0 version 01 | 1 suite 01 | 2 kid(u32) | 6 salt(24) | 30 ciphertext | .. tag(16)
 *
 *     okm = HMAC-SHA512(directional key, canon("VE/box/v1", box[0:30]) ‖ 01)
 *     key = okm[0:32]        IV = okm[32:44]        AAD = canon("VE/box/v1", box[0:30], aad)
 *
 * A 192-bit random salt gives each box its own key. The box does not commit to its key, and does not need to: it is opened
 * under the one key that `kid` names, after the MAC of the surrounding message was verified under the same credential.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { canon } from './canon.ts';
import { drawSalt, expandLasting64, type Random } from './derive.ts';
import { gcmOpen, gcmSeal, TAG_BYTES } from './gcm.ts';
import { type Result, readSecret, Secret } from './secret.ts';

/**
 * Why a box was not opened. `malformed`, `unknown_version` and `unknown_suite`: not a box that this code writes.
 * `other_key`: sealed under a key with another id. `tampered`: another key, other associated data, or changed bytes.
 */
export type BoxRefusal = 'malformed' | 'unknown_version' | 'unknown_suite' | 'other_key' | 'tampered';

const LABEL = 'VE/box/v1';
const VERSION = 1;
const SUITE = 1;
const KID_AT = 2;
const SALT_AT = 6;
const SALT_BYTES = 24;
const HEADER_BYTES = SALT_AT + SALT_BYTES;

/** How much longer a box is than its plaintext. */
export const BOX_OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;

/** Seals `secret` under the directional key that `kid` (u32) names, bound to `aad`. */
export const sealBox = (
  key: KeyObject,
  kid: number,
  aad: Buffer,
  secret: Secret,
  random: Random = drawSalt,
): Buffer => {
  const plaintext = readSecret(secret);
  const sealed = Buffer.allocUnsafe(BOX_OVERHEAD_BYTES + plaintext.length);
  const header = sealed.subarray(0, HEADER_BYTES);
  header[0] = VERSION;
  header[1] = SUITE;
  header.writeUInt32BE(kid, KID_AT);
  header.set(random(SALT_BYTES), SALT_AT);
  const box = boxKeys(key, header);
  const [ciphertext, tag] = gcmSeal(box.key, box.iv, canon(LABEL, header, aad), plaintext);
  sealed.set(ciphertext, HEADER_BYTES);
  sealed.set(tag, HEADER_BYTES + ciphertext.length);
  return sealed;
};

/** Opens a box that {@link sealBox} sealed under the same key, kid and `aad`. */
export const openBox = (key: KeyObject, kid: number, aad: Buffer, sealed: Buffer): Result<Secret, BoxRefusal> => {
  const refusal = refuseHeader(kid, sealed);
  if (refusal !== null) return { ok: false, reason: refusal };

  const header = sealed.subarray(0, HEADER_BYTES);
  const box = boxKeys(key, header);
  const plaintext = gcmOpen(box.key, box.iv, canon(LABEL, header, aad), sealed.subarray(HEADER_BYTES));
  return plaintext === null ? { ok: false, reason: 'tampered' } : { ok: true, value: new Secret(plaintext) };
};

const refuseHeader = (kid: number, sealed: Buffer): BoxRefusal | null => {
  if (sealed.length < BOX_OVERHEAD_BYTES) return 'malformed';
  if (sealed[0] !== VERSION) return 'unknown_version';
  if (sealed[1] !== SUITE) return 'unknown_suite';
  return sealed.readUInt32BE(KID_AT) === kid ? null : 'other_key';
};

const boxKeys = (key: KeyObject, header: Buffer): { readonly key: KeyObject; readonly iv: Buffer } => {
  const okm = expandLasting64(key, canon(LABEL, header));
  const derived = createSecretKey(okm.subarray(0, 32));
  okm.fill(0, 0, 32);
  return { key: derived, iv: okm.subarray(32, 44) };
};
