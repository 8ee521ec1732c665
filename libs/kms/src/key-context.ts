import { createHmac, createSecretKey } from 'node:crypto';
import { type BranchKeyName, canon } from '@vault-engine/crypto';
import type { KeyContext, UserId } from '@vault-engine/vault';

/** Fields of every context. Callers can't set them. */
const RESERVED: ReadonlySet<string> = new Set(['svc', 'env', 'purpose', 'v']);
const SUBJECT_BYTES = 16;

/** The deployment of a key, e.g. `production`. Keys of one deployment do not open in another. */
export type KeyEnvironment = string;

/**
 * The context of a key of the vault: `{svc, env, purpose, v, …fields}`. It appears in the audit trail of KMS in the clear, so
 * `fields` must not name a user. Ids of engines and of keys are allowed.
 *
 * @throws RangeError for a reserved or empty field (KMS rejects empty values)
 */
export const keyContext = (
  env: KeyEnvironment,
  purpose: string,
  fields: Readonly<Record<string, string>>,
): KeyContext => {
  for (const [name, value] of Object.entries(fields)) {
    if (RESERVED.has(name)) throw new RangeError(`the context field ${name} is reserved`);
    if (name === '' || value === '') throw new RangeError('a context field is empty');
  }
  return { svc: 'vault-engine', env, purpose, v: '1', ...fields };
};

/**
 * The context of a user's data key. It binds the key to the user and to its id `kid`, and reveals neither.
 *
 * `sub` is an HMAC of the user id under `kid`: 16 random bytes that are stored beside the wrapped key in the token store and never
 * reach KMS. A reader of the KMS audit trail can therefore not guess short user ids, as they could against a plain hash, and no
 * other secret is needed. A reader of the token store sees user ids anyway. `sub` is stable for the lifetime of the key. For the
 * same reason the context has an HMAC of `kid`.
 */
export const dataKeyContext = (env: KeyEnvironment, user: UserId, kid: Buffer): KeyContext =>
  keyContext(env, 'user-dek', { sub: keyed(kid, 'VE/kms/sub/v1', user), kid: keyed(kid, 'VE/kms/kid/v1') });

/** The context of a branch key: it opens in its environment, as its branch and version alone. */
export const branchKeyContext = (env: KeyEnvironment, { branch, version }: BranchKeyName): KeyContext =>
  keyContext(env, 'branch-key', { branch: String(branch), version: String(version) });

const keyed = (kid: Buffer, ...input: readonly string[]): string =>
  createHmac('sha256', createSecretKey(kid))
    .update(canon(...input))
    .digest()
    .subarray(0, SUBJECT_BYTES)
    .toString('hex');

/**
 * The wrapped bytes were not wrapped by this key, or not for this context. A retry does not help: the stored bytes are
 * damaged or belong to another deployment. The message holds no value.
 */
export class InvalidWrappedKey extends Error {
  override readonly name = 'InvalidWrappedKey';
  constructor(options?: ErrorOptions) {
    super('a wrapped key does not open in its context', options);
  }
}
