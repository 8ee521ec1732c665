import { equalBytes, type Result } from '@vault-engine/crypto';
import type { EngineTable } from '@vault-engine/engines';
import { credentialDigest, type EngineKeys, isUsable, type OpenKey, parseCredential } from '@vault-engine/protocol';

/** Why a request is not authenticated. Such requests are counted, not audited one by one. */
export type Unauthenticated =
  | 'no_credential'
  | 'malformed_credential'
  | 'unknown_engine'
  | 'unknown_key'
  | 'wrong_key'
  | 'key_not_usable'
  | 'key_not_for_http';

/** Compared with the credential's digest when the key is unknown: no known secret has this digest. */
const NO_DIGEST = Buffer.alloc(32);

/**
 * The keys of the engine whose credential this is, by the digest in the engine table. Works in memory, and by the same
 * steps whether the engine, the key or only the secret is wrong.
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
  const proven = equalBytes(credentialDigest(credential.value), key?.secretDigest ?? NO_DIGEST);
  credential.value.secret.wipe();
  if (engine === undefined) return { ok: false, reason: 'unknown_engine' };
  return key === undefined ? { ok: false, reason: 'unknown_key' } : usableKeys(key, proven);
};

const usableKeys = (key: OpenKey, proven: boolean): Result<EngineKeys, Unauthenticated> => {
  if (key.use !== 'http') return { ok: false, reason: 'key_not_for_http' };
  if (!isUsable(key) || key.keys === null) return { ok: false, reason: 'key_not_usable' };
  return proven ? { ok: true, value: key.keys } : { ok: false, reason: 'wrong_key' };
};
