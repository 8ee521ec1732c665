import type { KeyObject } from 'node:crypto';
import { type Random, type Result, sealBox } from '@vault-engine/crypto';
import { type Credential, credentialDigest } from './credential.ts';
import { type EntryContent, type EntryKey, entryKey, type KeyState, type KeyUse, subkeysAad } from './engine-entry.ts';
import { deriveEngineKeys, exportSubkeys, kidNumber } from './engine-keys.ts';

/** An entry without keys, to be filled and sealed. `wrappedKey` wraps the entry's own random data key. */
export const newEntry = (content: Omit<EntryContent, 'revision' | 'keys'>): EntryContent => ({
  ...content,
  revision: 0,
  keys: [],
});

/** What a key is added with. */
export interface AddedKey {
  readonly credential: Credential;
  readonly use: KeyUse;
  /** Unix milliseconds. */
  readonly now: number;
  readonly random?: Random;
}

/**
 * Adds a key as `pending`: the table may travel to every worker before the engine signs with it. `kid_taken`: the id was
 * drawn before; mint again. `pending_exists`: one key waits already; rotate to it or revoke it.
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
 * Moves one use on: its `pending` key becomes `active`, and the `active` one `retiring`. At most two keys of a use are
 * usable at once, so a key that is still `retiring` has to be revoked first (`retiring_exists`).
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

/** Revokes a key for good and drops its subkeys; its id stays, so that it is never drawn again. */
export const revoke = (content: EntryContent, kid: string): Result<EntryContent, 'unknown_key'> => {
  if (!content.keys.some((key) => key.kid === kid)) return { ok: false, reason: 'unknown_key' };
  const keys = content.keys.map((key) =>
    key.kid === kid ? { ...key, state: 'revoked' as const, subkeys: NOTHING, secretDigest: null } : key,
  );
  return { ok: true, value: { ...content, keys } };
};

const inState = (keys: readonly EntryKey[], use: KeyUse, state: KeyState): EntryKey | undefined =>
  keys.find((key) => key.use === use && key.state === state);
