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
import type { PlatformId, UserId } from '@vault-engine/model';
import type { ConnectionMetadata, ConnectionRecord } from './connection-record.ts';

/** Credentials in the clear, with their metadata. */
export interface Credentials {
  readonly access: Secret;
  readonly refresh: Secret | null;
  readonly metadata: ConnectionMetadata;
}

/** Names a record. Ciphertexts are bound to it. */
export interface RecordName {
  readonly user: UserId;
  readonly platform: PlatformId;
}

/** A stored ciphertext does not open: tampering, a swapped row, or a lost key. Not retryable. */
export class RecordCorrupt extends Error {
  override readonly name = 'RecordCorrupt';
}

/** The part of a record that holds credentials. */
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
 * While its data key is cached, the same record object is not unlocked a second time.
 */
export const openAccess = (key: DataKey, name: RecordName, record: ConnectionRecord): Secret => {
  const opened = openUnlocked(unlockedAccess(key, name, record));
  if (!opened.ok) throw corrupt('access', opened.reason);
  return opened.value;
};

const unlockedAccess = (key: DataKey, name: RecordName, record: ConnectionRecord): UnlockedRecord => {
  const slot = `${name.user}:${name.platform}`;
  const known = key.recall(slot, record);
  if (known !== undefined) return known;
  const unlocked = unlockRecord(key, contextOf(name, record, 'access'), record.access);
  if (!unlocked.ok) throw corrupt('access', unlocked.reason);
  key.keep(slot, record, unlocked.value);
  return unlocked.value;
};

/** The refresh token of a record; null: it has none. Throws {@link RecordCorrupt}. */
export const openRefresh = (key: DataKey, name: RecordName, record: ConnectionRecord): Secret | null => {
  if (record.refresh === null) return null;
  const opened = openRecord(key, contextOf(name, record, 'refresh'), record.refresh);
  if (!opened.ok) throw corrupt('refresh', opened.reason);
  return opened.value;
};

const contextOf = (
  name: RecordName,
  { version, metadata }: ConnectionRecord,
  slot: 'access' | 'refresh',
): RecordContext => ({ ...name, slot, version, metadataHash: metadataHash(metadata) });

const corrupt = (slot: 'access' | 'refresh', reason: RecordRefusal): RecordCorrupt =>
  new RecordCorrupt(`the stored ${slot} token does not open: ${reason}`);
