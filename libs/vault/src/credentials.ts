import { type Ciphertext, type DataKey, metadataHash, openRecord, type Secret, sealRecord } from '@vault-engine/crypto';
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

/** The access token of a record. Throws {@link RecordCorrupt}. */
export const openAccess = (key: DataKey, name: RecordName, record: ConnectionRecord): Secret =>
  open(key, name, record, 'access', record.access);

/** The refresh token of a record; null where it has none. Throws {@link RecordCorrupt}. */
export const openRefresh = (key: DataKey, name: RecordName, record: ConnectionRecord): Secret | null =>
  record.refresh === null ? null : open(key, name, record, 'refresh', record.refresh);

const open = (
  key: DataKey,
  name: RecordName,
  { version, metadata }: ConnectionRecord,
  slot: 'access' | 'refresh',
  sealed: Ciphertext,
): Secret => {
  const opened = openRecord(key, { ...name, slot, version, metadataHash: metadataHash(metadata) }, sealed);
  if (!opened.ok) throw new RecordCorrupt(`the stored ${slot} token does not open: ${opened.reason}`);
  return opened.value;
};
