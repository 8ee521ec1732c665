import { createHmac, createSecretKey } from 'node:crypto';
import { canon } from '@vault-engine/crypto';
import type { KeyContext, UserId } from '@vault-engine/vault';

/** What every context names; nobody may set these themselves. */
const RESERVED: ReadonlySet<string> = new Set(['svc', 'env', 'purpose', 'v']);
const SUBJECT_BYTES = 16;

/** Which deployment a key belongs to, e.g. `production`: keys of one do not open in another. */
export type KeyEnvironment = string;

/**
 * The context of any key of the vault: `{svc, env, purpose, v, …fields}`. It stands in KMS's audit trail in the clear,
 * so `fields` must not name a user; ids of engines and of keys are fine.
 *
 * @throws RangeError when a field has a reserved name or is empty (KMS refuses empty values)
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
 * The context of a user's data key: binds it to the user and to its own name, and shows neither.
 *
 * `sub` is an HMAC of the user id; its key is the data key's name `kid`: 16 random bytes that lie beside the wrapped key
 * in the token store and nowhere in KMS. Whoever reads KMS's audit trail can therefore not try short user ids, as one
 * could against a plain hash, and no further secret has to be kept; whoever reads the token store sees user ids anyway.
 * It is stable for as long as the key lives. For the same reason `kid` stands in the context as a hash.
 */
export const dataKeyContext = (env: KeyEnvironment, user: UserId, kid: Buffer): KeyContext =>
  keyContext(env, 'user-dek', { sub: keyed(kid, 'VE/kms/sub/v1', user), kid: keyed(kid, 'VE/kms/kid/v1') });

const keyed = (kid: Buffer, ...input: readonly string[]): string =>
  createHmac('sha256', createSecretKey(kid))
    .update(canon(...input))
    .digest()
    .subarray(0, SUBJECT_BYTES)
    .toString('hex');
