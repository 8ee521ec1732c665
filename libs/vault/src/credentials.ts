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

/** Seals credentials as the record `version` of a connection. */
export const sealCredentials = (
  key: DataKey,
  name: RecordName,
  version: number,
  storedAt: number,
  { access, refresh, metadata }: Credentials,
): ConnectionRecord => {
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
    condition: { kind: 'good' },
    lease: null,
  };
};

/** The access token of a record. Throws {@link RecordCorrupt}. */
export const openAccess = (key: DataKey, name: RecordName, record: ConnectionRecord): Secret => {
  const { version, metadata } = record;
  const opened = openRecord(
    key,
    { ...name, slot: 'access', version, metadataHash: metadataHash(metadata) },
    record.access,
  );
  if (!opened.ok) throw new RecordCorrupt(`the stored access token does not open: ${opened.reason}`);
  return opened.value;
};
