import type { KeyObject } from 'node:crypto';
import { canon, equalBytes, hkdfKey, hmacSha256, openBox, type Result } from '@vault-engine/crypto/wire';
import { type EngineKeys, importSubkeys, kidNumber } from './credential.ts';

/** `pending`: not usable yet. `active` and `retiring`: usable. `revoked`: never usable again. */
export type KeyState = 'pending' | 'active' | 'retiring' | 'revoked';
/** `kafka`: the key signs commands. `http`: it authenticates requests to the gateway. */
export type KeyUse = 'kafka' | 'http';

/** One key of an engine, as stored in the table. */
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

/** Operations that an engine may perform, and the platforms on which it may. */
export interface Grant {
  /** Command types, e.g. `GetToken`; `*` means all. */
  readonly operations: readonly string[];
  /** Platform ids; `*` means all. */
  readonly platforms: readonly string[];
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
   * The entry's own random data key, wrapped by the key service. It is the same for all revisions, because the digests in
   * dedupe records depend on it.
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

/** A key whose subkeys have been opened. */
export interface OpenKey extends Pick<EntryKey, 'kid' | 'state' | 'use' | 'createdAt' | 'secretDigest'> {
  /** Null for a revoked key. */
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

/** `forged`: the MAC does not match. `damaged`: the MAC matches, but a key's subkeys do not open. */
export type EntryRefusal = 'forged' | 'damaged';

const KEY_LABEL = 'VE/entry-key/v1';
const MAC_LABEL = 'VE/entry/v1';
const SUBKEYS_LABEL = 'VE/entry-subkeys/v1';

/** The entry's key for one purpose: `HKDF-SHA256(data key, canon("VE/entry-key/v1", purpose, engine))`. */
export const entryKey = (dataKey: KeyObject, purpose: 'mac' | 'seal' | 'dedupe', engine: string): KeyObject =>
  hkdfKey(dataKey, canon(KEY_LABEL, purpose, engine));

/** The associated data of sealed subkeys: they do not open under another engine, key id or use. */
export const subkeysAad = (engine: string, kid: string, use: KeyUse): Buffer => canon(SUBKEYS_LABEL, engine, kid, use);

/** The next revision of an entry, with its MAC. This needs the data key, and therefore the key service. */
export const sealEntry = (content: EntryContent, dataKey: KeyObject): EngineEntry => {
  const { engine, wrappedKey, keys, grants, rate } = content;
  const next = { engine, revision: content.revision + 1, wrappedKey, keys, grants, rate };
  return { ...next, mac: entryMac(next, dataKey) };
};

/** Verifies an entry and opens its keys. `dataKey` is `wrappedKey`, unwrapped by the key service. */
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

/** Whether a key may sign: `active`, or `retiring` while its engine moves to the next key. */
export const isUsable = ({ state }: { readonly state: KeyState }): boolean =>
  state === 'active' || state === 'retiring';

/**
 * Whether a grant covers the operation on the platform. An operation on a whole user (`platform` null, e.g. `ForgetUser`)
 * concerns every platform, so only `*` covers it.
 */
export const allowed = (grants: readonly Grant[], operation: string, platform: string | null): boolean =>
  grants.some((grant) => covers(grant.operations, operation) && covers(grant.platforms, platform));

const covers = (granted: readonly string[], asked: string | null): boolean =>
  granted.includes('*') || (asked !== null && granted.includes(asked));

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

/** A key without digest has one field less, so no digest and an empty digest encode differently. */
const keyFields = ({ kid, state, use, createdAt, subkeys, secretDigest }: EntryKey): Buffer =>
  canon(kid, state, use, String(createdAt), subkeys, ...(secretDigest === null ? [] : [secretDigest]));
