import {
  type Ciphertext,
  type DataKey,
  metadataHash,
  openRecord,
  openUnlocked,
  type RecordContext,
  type RecordRefusal,
  type Secret,
  sealRecord,
  type UnlockedRecord,
  unlockRecord,
} from '@vault-engine/crypto';
import type { ConnectionMetadata, ConnectionRecord, PlatformId, UserId } from './model.ts';

/** Credentials and their metadata on their way into a record. */
export interface Credentials {
  readonly access: Secret;
  readonly refresh: Secret | null;
  readonly metadata: ConnectionMetadata;
}

/** Which record a ciphertext belongs to: part of what the ciphertext is bound to. */
export interface RecordName {
  readonly user: UserId;
  readonly platform: PlatformId;
}

/** A stored ciphertext is not what was sealed for this place: tampering, a swapped row, or a lost key. Not retryable. */
export class RecordCorrupt extends Error {
  override readonly name = 'RecordCorrupt';
}

/** The part of a record that credentials make. */
export type SealedCredentials = Pick<
  ConnectionRecord,
  'version' | 'tokenVersion' | 'storedAt' | 'metadata' | 'access' | 'refresh'
>;

/** Seals credentials as the record `version` of a connection. */
export const sealCredentials = (
  key: DataKey,
  name: RecordName,
  version: number,
  storedAt: number,
  { access, refresh, metadata }: Credentials,
): SealedCredentials => {
  const hash = metadataHash(metadata);
  const seal = (slot: 'access' | 'refresh', secret: Secret): Ciphertext =>
    sealRecord(key, { ...name, slot, version, metadataHash: hash }, secret);
  return {
    version,
    tokenVersion: version,
    storedAt,
    metadata,
    access: seal('access', access),
    refresh: refresh === null ? null : seal('refresh', refresh),
  };
};

/**
 * The access token of a record. Throws {@link RecordCorrupt}.
 *
 * A record that is opened again, the very same object, is not unlocked again: its key is kept beside the data key that it was
 * derived from, for as long as that is kept.
 */
export const openAccess = (key: DataKey, name: RecordName, record: ConnectionRecord): Secret => {
  const opened = openUnlocked(unlockedAccess(key, name, record));
  if (!opened.ok) throw corrupt('access', opened.reason);
  return opened.value;
};

/** The refresh token of a record; null where it has none. Throws {@link RecordCorrupt}. */
export const openRefresh = (key: DataKey, name: RecordName, record: ConnectionRecord): Secret | null => {
  if (record.refresh === null) return null;
  const opened = openRecord(key, contextOf(name, record, 'refresh'), record.refresh);
  if (!opened.ok) throw corrupt('refresh', opened.reason);
  return opened.value;
};

interface KeptAccess {
  readonly user: UserId;
  readonly record: ConnectionRecord;
  readonly unlocked: UnlockedRecord;
}

/** Of each data key, the access token that was opened last on each platform. */
const kept = new WeakMap<DataKey, Map<PlatformId, KeptAccess>>();

const unlockedAccess = (key: DataKey, name: RecordName, record: ConnectionRecord): UnlockedRecord => {
  const ofKey = kept.get(key) ?? new Map<PlatformId, KeptAccess>();
  const last = ofKey.get(name.platform);
  if (last?.record === record && last.user === name.user) return last.unlocked;
  const unlocked = unlockRecord(key, contextOf(name, record, 'access'), record.access);
  if (!unlocked.ok) throw corrupt('access', unlocked.reason);
  kept.set(key, ofKey.set(name.platform, { user: name.user, record, unlocked: unlocked.value }));
  return unlocked.value;
};

const contextOf = (
  name: RecordName,
  { version, metadata }: ConnectionRecord,
  slot: 'access' | 'refresh',
): RecordContext => ({ ...name, slot, version, metadataHash: metadataHash(metadata) });

const corrupt = (slot: 'access' | 'refresh', reason: RecordRefusal): RecordCorrupt =>
  new RecordCorrupt(`the stored ${slot} token does not open: ${reason}`);
