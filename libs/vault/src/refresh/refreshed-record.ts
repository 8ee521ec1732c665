import type { DataKey, Secret } from '@vault-engine/crypto';
import type { ConnectionMetadata, ConnectionRecord, Grant } from '../connection-record.ts';
import { type RecordName, sealCredentials } from '../credentials.ts';
import type { RefreshedCredentials } from '../providers.ts';
import { withPublishedStatus } from '../status.ts';

/** What a refreshed record is made from, beside the provider's answer. */
export interface RefreshedFrom {
  readonly key: DataKey;
  readonly name: RecordName;
  readonly version: number;
  /** Unix milliseconds. */
  readonly now: number;
  /** The refresh token that was sent. It stays valid if the answer has no other (RFC 6749 §6). */
  readonly refresh: Secret;
}

/** The record with the credentials of a refresh. */
export const refreshedRecord = (
  old: ConnectionRecord,
  refreshed: RefreshedCredentials,
  { key, name, version, now, refresh }: RefreshedFrom,
): ConnectionRecord => {
  const metadata = metadataAfter(old.metadata, refreshed);
  const credentials = { access: refreshed.access, refresh: refreshed.refresh ?? refresh, metadata };
  return withPublishedStatus(
    {
      ...sealCredentials(key, name, version, now, credentials),
      condition: { kind: 'good' },
      grant: grantAfter(old, metadata.refreshExpiresAt, now),
      lease: null,
    },
    now,
  );
};

/** The metadata after a refresh. */
export const metadataAfter = (old: ConnectionMetadata, refreshed: RefreshedCredentials): ConnectionMetadata => ({
  tokenType: refreshed.tokenType,
  scopes: refreshed.scopes ?? old.scopes,
  expiresAt: refreshed.expiresAt,
  refreshExpiresAt: refreshed.refreshExpiresAt ?? (refreshed.refresh === null ? old.refreshExpiresAt : null),
  params: { ...old.params, ...refreshed.params },
});

/** After less time the end of a refresh token moves too little to say whether use extends it. */
const TELLING_MS = 60_000;

/** An end that a refresh has not extended is the end of the grant. */
const grantAfter = (
  { grant, storedAt, metadata }: ConnectionRecord,
  refreshExpiresAt: number | null,
  now: number,
): Grant => {
  const elapsed = now - storedAt;
  const stays =
    metadata.refreshExpiresAt !== null &&
    refreshExpiresAt !== null &&
    elapsed > TELLING_MS &&
    refreshExpiresAt - metadata.refreshExpiresAt < elapsed / 2;
  const endsAt = stays ? Math.min(grant.endsAt ?? refreshExpiresAt, refreshExpiresAt) : grant.endsAt;
  return { ...grant, endsAt, refreshedAt: now };
};
