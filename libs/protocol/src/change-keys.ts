import type { KeyObject } from 'node:crypto';
import { type Random, type Result, sealBox } from '@vault-engine/crypto/wire';
import { type Credential, credentialDigest, deriveEngineKeys, exportSubkeys, kidNumber } from './credential.ts';
import { type EntryContent, type EntryKey, entryKey, type KeyState, type KeyUse, subkeysAad } from './engine-entry.ts';

/** An unsealed entry without keys. `wrappedKey` wraps the entry's own random data key. */
export const newEntry = (content: Omit<EntryContent, 'revision' | 'keys'>): EntryContent => ({
  ...content,
  revision: 0,
  keys: [],
});

/** The key to add. */
export interface AddedKey {
  readonly credential: Credential;
  readonly use: KeyUse;
  /** Unix milliseconds. */
  readonly now: number;
  readonly random?: Random;
}

/**
 * Adds a key as `pending`, so that every worker can read the entry before the engine signs with the key. `kid_taken`: the
 * entry has a key of this id; mint another credential. `pending_exists`: rotate to the pending key, or revoke it, first.
 */
export const addKey = (
  content: EntryContent,
  dataKey: KeyObject,
  { credential, use, now, random }: AddedKey,
): Result<EntryContent, 'kid_taken' | 'pending_exists'> => {
  const { engine, keys } = content;
  const { kid } = credential;
  if (keys.some((key) => key.kid === kid)) return { ok: false, reason: 'kid_taken' };
  if (inState(keys, use, 'pending') !== undefined) return { ok: false, reason: 'pending_exists' };

  const subkeys = exportSubkeys(deriveEngineKeys(engine, credential));
  const seal = entryKey(dataKey, 'seal', engine);
  const sealed = sealBox(seal, kidNumber(kid), subkeysAad(engine, kid, use), subkeys, random);
  subkeys.wipe();
  const secretDigest = use === 'http' ? credentialDigest(credential) : null;
  const added: EntryKey = { kid, state: 'pending', use, createdAt: now, subkeys: sealed, secretDigest };
  return { ok: true, value: { ...content, keys: [...keys, added] } };
};

/**
 * Rotates the keys of one use: `pending` becomes `active`, and `active` becomes `retiring`. At most two keys of a use are
 * usable at once, so a key that is still `retiring` must be revoked first (`retiring_exists`).
 */
export const rotate = (
  content: EntryContent,
  use: KeyUse,
): Result<EntryContent, 'no_pending_key' | 'retiring_exists'> => {
  if (inState(content.keys, use, 'pending') === undefined) return { ok: false, reason: 'no_pending_key' };
  const active = inState(content.keys, use, 'active');
  if (active !== undefined && inState(content.keys, use, 'retiring') !== undefined) {
    return { ok: false, reason: 'retiring_exists' };
  }
  const keys = content.keys.map((key) => (key.use === use ? { ...key, state: AFTER_ROTATION[key.state] } : key));
  return { ok: true, value: { ...content, keys } };
};

const AFTER_ROTATION: Readonly<Record<KeyState, KeyState>> = {
  pending: 'active',
  active: 'retiring',
  retiring: 'retiring',
  revoked: 'revoked',
};

const NOTHING = Buffer.alloc(0);

/** Revokes a key permanently and deletes its subkeys. Its id stays in the entry, so it is never used again. */
export const revoke = (content: EntryContent, kid: string): Result<EntryContent, 'unknown_key'> => {
  if (!content.keys.some((key) => key.kid === kid)) return { ok: false, reason: 'unknown_key' };
  const keys = content.keys.map((key) =>
    key.kid === kid ? { ...key, state: 'revoked' as const, subkeys: NOTHING, secretDigest: null } : key,
  );
  return { ok: true, value: { ...content, keys } };
};

const inState = (keys: readonly EntryKey[], use: KeyUse, state: KeyState): EntryKey | undefined =>
  keys.find((key) => key.use === use && key.state === state);
