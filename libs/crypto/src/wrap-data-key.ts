/**
 * The wrapped form of a user's data key under a branch key, 92 bytes:
 *
 *     0 'VEK' | 3 form 01 | 4 branch u32 | 8 version u32 | 12 commitment(32) | 44 ciphertext(32) | 76 tag(16)
 *
 *     context    = environment, user, kid
 *     okm        = HMAC-SHA512(branch key, canon("VE/udk/v1", branch, version, context…) ‖ 01)
 *     key        = okm[0:32]        commitment = okm[32:64]        IV = 0^12
 *     AAD        = canon("VE/udk/v1", wrapped[0:44], context…)
 *
 * Integers are big endian in the bytes and decimal in `canon`. `kid` names the data key: 16 random bytes, new for each data key. So
 * each derived key encrypts one plaintext only, and a constant IV is safe without a salt. Wrapping a data key again under the
 * same branch key and version gives the same bytes. The commitment makes the wrapped form open under one key only, which
 * AES-GCM alone does not guarantee.
 *
 * A key that KMS itself wrapped has no such prefix: {@link branchOf} tells the two forms apart.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { canon } from './canon.ts';
import { KID_BYTES } from './data-key.ts';
import { expand64 } from './derive.ts';
import { gcmOpen, gcmSeal, TAG_BYTES } from './gcm.ts';
import { equalBytes } from './mac.ts';
import type { Result } from './secret.ts';

/** Names one version of one branch key. */
export interface BranchKeyName {
  /** From 0 to 2^32 - 1. */
  readonly branch: number;
  /** From 1 to 2^32 - 1. */
  readonly version: number;
}

/** One version of a branch key, ready for use. */
export interface BranchKey extends BranchKeyName {
  readonly key: KeyObject;
}

/** What a wrapped data key is bound to. */
export interface DataKeyContext {
  readonly environment: string;
  readonly user: string;
  /** The id of the data key, 16 bytes. */
  readonly kid: Buffer;
}

/**
 * Why a wrapped data key was not opened. `malformed`: not this form, or cut off. `other_key`: wrapped under another branch key or
 * version. `context`: the branch key or the context is not the one that it was wrapped with. `tampered`: changed bytes.
 */
export type UnwrapRefusal = 'malformed' | 'other_key' | 'context' | 'tampered';

const LABEL = 'VE/udk/v1';
const PREFIX = Buffer.from([0x56, 0x45, 0x4b, 0x01]);
const KEY_BYTES = 32;
const BRANCH_AT = PREFIX.length;
const VERSION_AT = BRANCH_AT + 4;
const COMMITMENT_AT = VERSION_AT + 4;
const COMMITMENT_BYTES = 32;
const HEADER_BYTES = COMMITMENT_AT + COMMITMENT_BYTES;
const WRAPPED_BYTES = HEADER_BYTES + KEY_BYTES + TAG_BYTES;
const IV = Buffer.alloc(12);

/** The branch key that `wrapped` was wrapped under; null: `wrapped` has another form, such as that of KMS. */
export const branchOf = (wrapped: Buffer): BranchKeyName | null =>
  wrapped.length === WRAPPED_BYTES && wrapped.subarray(0, PREFIX.length).equals(PREFIX)
    ? { branch: wrapped.readUInt32BE(BRANCH_AT), version: wrapped.readUInt32BE(VERSION_AT) }
    : null;

/**
 * Wraps a data key of 32 bytes. The caller wipes `plaintext`.
 *
 * @throws RangeError for a data key or a kid of another length
 */
export const wrapDataKey = (branchKey: BranchKey, context: DataKeyContext, plaintext: Buffer): Buffer => {
  if (plaintext.length !== KEY_BYTES) throw new RangeError(`a data key has ${KEY_BYTES} bytes`);
  if (context.kid.length !== KID_BYTES) throw new RangeError(`a key id has ${KID_BYTES} bytes`);
  const header = Buffer.alloc(HEADER_BYTES);
  header.set(PREFIX);
  header.writeUInt32BE(branchKey.branch, BRANCH_AT);
  header.writeUInt32BE(branchKey.version, VERSION_AT);
  const { key, commitment } = derive(branchKey, context);
  header.set(commitment, COMMITMENT_AT);
  return Buffer.concat([header, ...gcmSeal(key, IV, aadOf(header, context), plaintext)]);
};

/** The data key of 32 bytes. The caller wipes it. The commitment is compared in constant time, and before the tag. */
export const unwrapDataKey = (
  branchKey: BranchKey,
  context: DataKeyContext,
  wrapped: Buffer,
): Result<Buffer, UnwrapRefusal> => {
  const name = branchOf(wrapped);
  if (name === null || context.kid.length !== KID_BYTES) return { ok: false, reason: 'malformed' };
  if (name.branch !== branchKey.branch || name.version !== branchKey.version) return { ok: false, reason: 'other_key' };
  const header = wrapped.subarray(0, HEADER_BYTES);
  const { key, commitment } = derive(branchKey, context);
  if (!equalBytes(commitment, header.subarray(COMMITMENT_AT))) return { ok: false, reason: 'context' };
  const plaintext = gcmOpen(key, IV, aadOf(header, context), wrapped.subarray(HEADER_BYTES));
  return plaintext === null ? { ok: false, reason: 'tampered' } : { ok: true, value: plaintext };
};

const derive = ({ branch, version, key }: BranchKey, context: DataKeyContext) => {
  const okm = expand64(key, canon(LABEL, String(branch), String(version), ...fieldsOf(context)));
  const derived = createSecretKey(okm.subarray(0, KEY_BYTES));
  okm.fill(0, 0, KEY_BYTES);
  return { key: derived, commitment: okm.subarray(KEY_BYTES) };
};

const aadOf = (header: Buffer, context: DataKeyContext): Buffer => canon(LABEL, header, ...fieldsOf(context));

const fieldsOf = ({ environment, user, kid }: DataKeyContext) => [environment, user, kid] as const;
