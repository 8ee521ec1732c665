import type { KeyObject } from 'node:crypto';
import { canon, equalBytes, hkdfKey, hmacSha256, openBox, type Result } from '@vault-engine/crypto';
import { type EngineKeys, importSubkeys, kidNumber } from './engine-keys.ts';
import type { Grant } from './grants.ts';

/** `pending`: known, not usable yet. `active` and `retiring`: usable. `revoked`: never again. */
export type KeyState = 'pending' | 'active' | 'retiring' | 'revoked';
/** Whether a key signs commands on Kafka or is shown to the gateway. */
export type KeyUse = 'kafka' | 'http';

/** One key of an engine, as the table holds it. */
export interface EntryKey {
  /** 8 lower-case hex digits. */
  readonly kid: string;
  readonly state: KeyState;
  readonly use: KeyUse;
  /** Unix milliseconds. */
  readonly createdAt: number;
  /** The three subkeys in a sealed box; empty once the key is revoked. */
  readonly subkeys: Buffer;
  /** {@link credentialDigest} of an `http` key; null for a `kafka` key and once the key is revoked. */
  readonly secretDigest: Buffer | null;
}

/** A token bucket: whole numbers. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** An entry before it is sealed. */
export interface EntryContent {
  readonly engine: string;
  /** 0 for an entry that was never sealed; rises by one with each sealing. */
  readonly revision: number;
  /**
   * The entry's own random data key, wrapped by the key service. It stays the same for all revisions, because the
   * digests in dedupe records hang on it.
   */
  readonly wrappedKey: Buffer;
  readonly keys: readonly EntryKey[];
  readonly grants: readonly Grant[];
  readonly rate: Rate;
}

/** One row of `vault.engines`. */
export interface EngineEntry extends EntryContent {
  readonly mac: Buffer;
}

/** A key whose subkeys are open. */
export interface OpenKey extends Pick<EntryKey, 'kid' | 'state' | 'use' | 'createdAt' | 'secretDigest'> {
  /** Null for a key that is revoked. */
  readonly keys: EngineKeys | null;
}

/** A verified entry, ready for use in memory. */
export interface OpenEntry {
  readonly engine: string;
  readonly revision: number;
  readonly keys: ReadonlyMap<string, OpenKey>;
  readonly grants: readonly Grant[];
  readonly rate: Rate;
  /** HMAC key for the digests of this engine's commands in dedupe records. */
  readonly dedupe: KeyObject;
}

/** `forged`: the MAC is not the data key's. `damaged`: subkeys that do not open although the MAC holds. */
export type EntryRefusal = 'forged' | 'damaged';

const KEY_LABEL = 'VE/entry-key/v1';
const MAC_LABEL = 'VE/entry/v1';
const SUBKEYS_LABEL = 'VE/entry-subkeys/v1';

/** A key of the entry for one purpose: `HKDF-SHA256(data key, canon("VE/entry-key/v1", purpose, engine))`. */
export const entryKey = (dataKey: KeyObject, purpose: 'mac' | 'seal' | 'dedupe', engine: string): KeyObject =>
  hkdfKey(dataKey, canon(KEY_LABEL, purpose, engine));

/** What sealed subkeys are bound to: they do not open under another engine, key id or use. */
export const subkeysAad = (engine: string, kid: string, use: KeyUse): Buffer => canon(SUBKEYS_LABEL, engine, kid, use);

/** The next revision of an entry under its MAC. Whoever makes one needs the data key, and so the key service. */
export const sealEntry = (content: EntryContent, dataKey: KeyObject): EngineEntry => {
  const { engine, wrappedKey, keys, grants, rate } = content;
  const next = { engine, revision: content.revision + 1, wrappedKey, keys, grants, rate };
  return { ...next, mac: entryMac(next, dataKey) };
};

/** Verifies an entry and opens its keys. `dataKey` is what the key service unwrapped from `wrappedKey`. */
export const openEntry = (entry: EngineEntry, dataKey: KeyObject): Result<OpenEntry, EntryRefusal> => {
  if (!equalBytes(entryMac(entry, dataKey), entry.mac)) return { ok: false, reason: 'forged' };

  const seal = entryKey(dataKey, 'seal', entry.engine);
  const keys = new Map<string, OpenKey>();
  for (const key of entry.keys) {
    const opened = openKey(entry.engine, key, seal);
    if (opened === null) return { ok: false, reason: 'damaged' };
    keys.set(key.kid, opened);
  }
  const { engine, revision, grants, rate } = entry;
  return { ok: true, value: { engine, revision, keys, grants, rate, dedupe: entryKey(dataKey, 'dedupe', engine) } };
};

/** Whether a key may sign: one that is `active`, or `retiring` while its engine moves to the next. */
export const isUsable = ({ state }: { readonly state: KeyState }): boolean =>
  state === 'active' || state === 'retiring';

const openKey = (engine: string, key: EntryKey, seal: KeyObject): OpenKey | null => {
  const { kid, state, use, createdAt, secretDigest } = key;
  if (state === 'revoked') return { kid, state, use, createdAt, secretDigest, keys: null };
  const opened = openBox(seal, kidNumber(kid), subkeysAad(engine, kid, use), key.subkeys);
  if (!opened.ok) return null;
  const keys = importSubkeys(engine, kid, opened.value);
  opened.value.wipe();
  return { kid, state, use, createdAt, secretDigest, keys };
};

const entryMac = ({ engine, revision, wrappedKey, keys, grants, rate }: EntryContent, dataKey: KeyObject): Buffer =>
  hmacSha256(
    entryKey(dataKey, 'mac', engine),
    canon(
      MAC_LABEL,
      engine,
      String(revision),
      wrappedKey,
      canon(...keys.map(keyFields)),
      canon(...grants.map(({ operations, platforms }) => canon(canon(...operations), canon(...platforms)))),
      canon(String(rate.perSecond), String(rate.burst)),
    ),
  );

/** The digest's presence is a field of its own, so that no digest and an empty one differ. */
const keyFields = ({ kid, state, use, createdAt, subkeys, secretDigest }: EntryKey): Buffer =>
  canon(kid, state, use, String(createdAt), subkeys, ...(secretDigest === null ? [] : [secretDigest]));
