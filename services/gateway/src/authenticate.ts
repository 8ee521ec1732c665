import { equalBytes, type Result } from '@vault-engine/crypto';
import type { EngineTable } from '@vault-engine/engines';
import { credentialDigest, type EngineKeys, isUsable, type OpenKey, parseCredential } from '@vault-engine/protocol';

/** Why a request is nobody's. Counted, not audited one by one. */
export type Unauthenticated =
  | 'no_credential'
  | 'malformed_credential'
  | 'unknown_engine'
  | 'unknown_key'
  | 'wrong_key'
  | 'key_not_usable'
  | 'key_not_for_http';

/** What a digest is compared with where there is none: no secret is known to have it. */
const NOBODY = Buffer.alloc(32);

/**
 * The keys of the engine that showed this credential, by the digest in the table: in memory alone, and by the same steps
 * whether the engine, the key or only the secret is wrong.
 */
export const authenticate = (
  table: Pick<EngineTable, 'get'>,
  engineId: string | undefined,
  credentialText: string | undefined,
): Result<EngineKeys, Unauthenticated> => {
  if (engineId === undefined || credentialText === undefined) return { ok: false, reason: 'no_credential' };
  const credential = parseCredential(credentialText);
  if (!credential.ok) return { ok: false, reason: 'malformed_credential' };
  const engine = table.get(engineId);
  const key = engine?.open.keys.get(credential.value.kid);
  const proven = equalBytes(credentialDigest(credential.value), key?.secretDigest ?? NOBODY);
  credential.value.secret.wipe();
  if (engine === undefined) return { ok: false, reason: 'unknown_engine' };
  return key === undefined ? { ok: false, reason: 'unknown_key' } : judge(key, proven);
};

const judge = (key: OpenKey, proven: boolean): Result<EngineKeys, Unauthenticated> => {
  if (key.use !== 'http') return { ok: false, reason: 'key_not_for_http' };
  if (!isUsable(key) || key.keys === null) return { ok: false, reason: 'key_not_usable' };
  return proven ? { ok: true, value: key.keys } : { ok: false, reason: 'wrong_key' };
};
