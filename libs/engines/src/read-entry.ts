import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Codec, UndecodableReason } from '@vault-engine/contracts';
import type { Result } from '@vault-engine/crypto';
import { InvalidWrappedKey, type KeyEnvironment, keyContext } from '@vault-engine/kms';
import { type EngineEntry, type EntryRefusal, type OpenEntry, openEntry } from '@vault-engine/protocol';
import type { KeyContext, KeyWrapper } from '@vault-engine/vault';
import { fromRecord } from './entry-codec.ts';

/** One engine: its published entry, its data key and the opened entry. */
export interface Engine {
  readonly entry: EngineEntry;
  readonly dataKey: KeyObject;
  readonly open: OpenEntry;
}

/** Why a message of the table is rejected. */
export type EntryFault =
  | UndecodableReason
  | EntryRefusal
  /** A tombstone. It has no MAC, so anyone could have written it. An engine is disabled by revoking its keys. */
  | 'deletion'
  | 'another_record'
  /** The entry names another engine than the message key. */
  | 'another_engine'
  /** The data key was not wrapped for this engine by the present KMS key. */
  | 'key_not_ours'
  /** An engine keeps its first data key. */
  | 'another_data_key'
  /** A replay, or a change of an earlier revision. */
  | 'older_revision'
  /** Another entry of this revision comes first in the log. */
  | 'conflicting_revision';

/** What entries are read with. */
export interface ReadingParts {
  readonly codec: Pick<Codec, 'decode'>;
  readonly wrapper: KeyWrapper;
  /** The deployment of the data keys. */
  readonly environment: KeyEnvironment;
}

/** The context of the data key of an engine's entry. */
export const entryContext = (environment: KeyEnvironment, engine: string): KeyContext =>
  keyContext(environment, 'engine-entry', { engine });

/**
 * Judges a message with the key `name`, given the accepted entry `known` of that engine. An entry is accepted with a valid MAC under
 * its data key, which only the key service unwraps, and a higher revision. The known entry again is accepted too. Rejects with
 * `PortUnavailable` or `RegistryUnavailable`; the message is then neither accepted nor rejected.
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

/** A known engine's key is in memory, so a revocation takes effect and a forgery is rejected without the key service. */
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

/** Imports the key and wipes the bytes. */
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
