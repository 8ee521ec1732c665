import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Codec, UndecodableReason } from '@vault-engine/contracts';
import type { Result } from '@vault-engine/crypto';
import { InvalidWrappedKey, type KeyEnvironment, keyContext } from '@vault-engine/kms';
import { type EngineEntry, type EntryRefusal, type OpenEntry, openEntry } from '@vault-engine/protocol';
import type { KeyContext, KeyWrapper } from '@vault-engine/vault';
import { fromRecord } from './entry-codec.ts';

/** One engine: its entry as published, its data key, and what they open to. */
export interface Engine {
  readonly entry: EngineEntry;
  readonly dataKey: KeyObject;
  readonly open: OpenEntry;
}

/** Why a message of the table does not come into force. */
export type EntryFault =
  | UndecodableReason
  | EntryRefusal
  /** A tombstone. It has no MAC and so proves nothing: an engine goes by revoking its keys. */
  | 'deletion'
  | 'another_record'
  /** The entry is not of the engine that the message key names. */
  | 'another_engine'
  /** The key service did not wrap this data key for this engine. */
  | 'key_not_ours'
  /** An engine keeps its first data key. */
  | 'another_data_key'
  /** Replayed, or written upon what was no longer the last revision. */
  | 'older_revision'
  /** Two administrations wrote the same revision: the first one in the log stands. */
  | 'conflicting_revision';

/** With what entries are read. */
export interface ReadingParts {
  readonly codec: Pick<Codec, 'decode'>;
  readonly wrapper: KeyWrapper;
  /** Which deployment the data keys belong to. */
  readonly environment: KeyEnvironment;
}

/** What the data key of an engine's entry is bound to. */
export const entryContext = (environment: KeyEnvironment, engine: string): KeyContext =>
  keyContext(environment, 'engine-entry', { engine });

/**
 * What a message under the key `name` brings into force, given what is `known` of that engine: the entry has to be under
 * the MAC of its data key, which only the key service unwraps, and of a higher revision. The same entry again is no
 * fault. Rejects with `PortUnavailable` or `RegistryUnavailable`, which say nothing about the message.
 */
export const readEntry = async (
  parts: ReadingParts,
  known: Engine | undefined,
  name: string,
  value: Buffer | null,
): Promise<Result<Engine, EntryFault>> => {
  const decoded = await decodeEntry(parts, value);
  if (!decoded.ok) return decoded;
  const entry = decoded.value;
  if (entry.engine !== name) return { ok: false, reason: 'another_engine' };
  const dataKey = await dataKeyOf(parts, known, entry);
  if (!dataKey.ok) return dataKey;
  const open = openEntry(entry, dataKey.value);
  if (!open.ok) return open;
  const fault = known === undefined ? null : compareRevisions(known.entry, entry);
  return fault === null
    ? { ok: true, value: { entry, dataKey: dataKey.value, open: open.value } }
    : { ok: false, reason: fault };
};

const decodeEntry = async (
  { codec }: ReadingParts,
  value: Buffer | null,
): Promise<Result<EngineEntry, UndecodableReason | 'deletion' | 'another_record'>> => {
  if (value === null) return { ok: false, reason: 'deletion' };
  const decoded = await codec.decode(value);
  if (!decoded.ok) return decoded;
  if (decoded.name !== 'EngineEntry') return { ok: false, reason: 'another_record' };
  const entry = fromRecord(decoded.value);
  return entry === null ? { ok: false, reason: 'undecodable' } : { ok: true, value: entry };
};

/** A known engine's key is in memory already, so that neither a revocation nor a forgery waits for the key service. */
const dataKeyOf = async (
  { wrapper, environment }: ReadingParts,
  known: Engine | undefined,
  { engine, wrappedKey }: EngineEntry,
): Promise<Result<KeyObject, 'another_data_key' | 'key_not_ours'>> => {
  if (known !== undefined) {
    return known.entry.wrappedKey.equals(wrappedKey)
      ? { ok: true, value: known.dataKey }
      : { ok: false, reason: 'another_data_key' };
  }
  try {
    return { ok: true, value: importKey(await wrapper.unwrap(wrappedKey, entryContext(environment, engine))) };
  } catch (error) {
    if (error instanceof InvalidWrappedKey) return { ok: false, reason: 'key_not_ours' };
    throw error;
  }
};

/** Takes the bytes over and wipes them. */
export const importKey = (plaintext: Buffer): KeyObject => {
  const key = createSecretKey(plaintext);
  plaintext.fill(0);
  return key;
};

const compareRevisions = (known: EngineEntry, next: EngineEntry): EntryFault | null => {
  if (next.revision > known.revision) return null;
  if (next.revision < known.revision) return 'older_revision';
  return next.mac.equals(known.mac) ? null : 'conflicting_revision';
};
