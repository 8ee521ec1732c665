/**
 * The envelope of a token at rest:
 *
 *     0 'VE' | 2 version 01 | 3 suite 01 | 4 kid(16) | 20 salt(32) | 52 commitment(32) | 84 ciphertext | .. tag(16)
 *
 *     context    = user, platform, slot, version in decimal, metadata hash
 *     okm        = HMAC-SHA512(data key, canon("VE/rec/v1", kid, salt, context…) ‖ 01)
 *     key        = okm[0:32]        commitment = okm[32:64]        IV = 0^12
 *     AAD        = canon("VE/rec/v1", envelope[0:84], context…)
 *
 * A 256-bit random salt gives each record its own key, so a constant IV is safe and GCM's limit of 2^32 random nonces
 * does not apply. AES-GCM alone does not commit to its key: one ciphertext can be valid under two keys. The commitment
 * prevents that. An envelope cannot detect that a whole row, version included, was restored from an older copy.
 */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { canon } from './canon.ts';
import { type DataKey, KID_BYTES, type UnlockedRecord } from './data-key.ts';
import { expand64, type Random } from './derive.ts';
import { gcmOpen, gcmSeal, TAG_BYTES } from './gcm.ts';
import { equalBytes } from './mac.ts';
import { type Result, readSecret, Secret } from './secret.ts';

declare const brand: unique symbol;

/** A sealed record. Only sealing creates one, or a store that returns the bytes that it was given. */
export type Ciphertext = Buffer & { readonly [brand]: 'Ciphertext' };

/** For adapters that read a store: marks `bytes` as a sealed record. Opening it verifies that. */
export const ciphertext = (bytes: Buffer): Ciphertext => bytes as Ciphertext;

/** What a sealed token is bound to. It does not open in another row, slot or version, or with other metadata. */
export interface RecordContext {
  readonly user: string;
  readonly platform: string;
  readonly slot: 'access' | 'refresh';
  /** The version of the record, a whole number. */
  readonly version: number;
  /** {@link metadataHash} of the metadata that is stored in the clear. */
  readonly metadataHash: Buffer;
}

/**
 * Why a record was not opened. `malformed`, `unknown_version` and `unknown_suite`: not an envelope that this code
 * writes. `other_key`: sealed under a data key with another id. `context`: key or context differ from those at sealing.
 * `tampered`: the header or the ciphertext was changed.
 */
export type RecordRefusal = 'malformed' | 'unknown_version' | 'unknown_suite' | 'other_key' | 'context' | 'tampered';

const LABEL = 'VE/rec/v1';
const PREFIX = Buffer.from([0x56, 0x45, 0x01, 0x01]);
const SALT_BYTES = 32;
const COMMITMENT_BYTES = 32;
const SALT_AT = PREFIX.length + KID_BYTES;
const COMMITMENT_AT = SALT_AT + SALT_BYTES;
const HEADER_BYTES = COMMITMENT_AT + COMMITMENT_BYTES;
const IV = Buffer.alloc(12);

/** Seals a token for its slot in the store. */
export const sealRecord = (
  key: DataKey,
  context: RecordContext,
  secret: Secret,
  random: Random = randomBytes,
): Ciphertext => {
  const salt = random(SALT_BYTES);
  const record = recordKeys(key, salt, context);
  const header = Buffer.concat([PREFIX, key.kid, salt, record.commitment]);
  const sealed = gcmSeal(record.key, IV, aadOf(header, context), readSecret(secret));
  return ciphertext(Buffer.concat([header, ...sealed]));
};

/** Opens a record that {@link sealRecord} sealed. */
export const openRecord = (key: DataKey, context: RecordContext, sealed: Ciphertext): Result<Secret, RecordRefusal> => {
  const unlocked = unlockRecord(key, context, sealed);
  return unlocked.ok ? openUnlocked(unlocked.value) : unlocked;
};

/**
 * The first half of {@link openRecord}: its result can be cached for a record that is opened repeatedly. The commitment
 * is compared in constant time, before the tag.
 */
export const unlockRecord = (
  key: DataKey,
  context: RecordContext,
  sealed: Ciphertext,
): Result<UnlockedRecord, Exclude<RecordRefusal, 'tampered'>> => {
  const refusal = refuseHeader(key, sealed);
  if (refusal !== null) return { ok: false, reason: refusal };

  const header = sealed.subarray(0, HEADER_BYTES);
  const record = recordKeys(key, header.subarray(SALT_AT, COMMITMENT_AT), context);
  if (!equalBytes(record.commitment, header.subarray(COMMITMENT_AT))) return { ok: false, reason: 'context' };
  return {
    ok: true,
    value: { key: record.key, aad: aadOf(header, context), ciphertext: sealed.subarray(HEADER_BYTES) },
  };
};

/** The second half of {@link openRecord}. */
export const openUnlocked = ({ key, aad, ciphertext }: UnlockedRecord): Result<Secret, 'tampered'> => {
  const plaintext = gcmOpen(key, IV, aad, ciphertext);
  return plaintext === null ? { ok: false, reason: 'tampered' } : { ok: true, value: new Secret(plaintext) };
};

const refuseHeader = (key: DataKey, sealed: Buffer): Exclude<RecordRefusal, 'context' | 'tampered'> | null => {
  if (sealed.length < HEADER_BYTES + TAG_BYTES) return 'malformed';
  if (sealed[0] !== PREFIX[0] || sealed[1] !== PREFIX[1]) return 'malformed';
  if (sealed[2] !== PREFIX[2]) return 'unknown_version';
  if (sealed[3] !== PREFIX[3]) return 'unknown_suite';
  return sealed.subarray(PREFIX.length, SALT_AT).equals(key.kid) ? null : 'other_key';
};

const recordKeys = (
  { kid, key }: DataKey,
  salt: Buffer,
  context: RecordContext,
): { readonly key: KeyObject; readonly commitment: Buffer } => {
  const okm = expand64(key, canon(LABEL, kid, salt, ...fieldsOf(context)));
  const derived = createSecretKey(okm.subarray(0, 32));
  okm.fill(0, 0, 32);
  return { key: derived, commitment: okm.subarray(32) };
};

const aadOf = (header: Buffer, context: RecordContext): Buffer => canon(LABEL, header, ...fieldsOf(context));

const fieldsOf = ({ user, platform, slot, version, metadataHash }: RecordContext) =>
  [user, platform, slot, String(version), metadataHash] as const;
