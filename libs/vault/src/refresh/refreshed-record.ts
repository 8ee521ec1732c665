import type { DataKey, Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import type { ConnectionMetadata, ConnectionRecord, Grant } from '../connection-record.ts';
import { openAccess, type RecordName, sealCredentials } from '../credentials.ts';
import type { RefreshedCredentials, RotatedOnly } from '../providers.ts';
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
  /** The client id that it was sent with; null: no client is configured. */
  readonly client: string | null;
  /** Whether the earlier access token is replaced because a platform rejects it. */
  readonly isRejected?: boolean;
}

/** The record with the credentials of a refresh. */
export const refreshedRecord = (
  old: ConnectionRecord,
  refreshed: RefreshedCredentials,
  { key, name, version, now, refresh, client, isRejected = false }: RefreshedFrom,
): ConnectionRecord => {
  const isKept = refreshed.refresh === null || isSame(refreshed.refresh, refresh);
  const metadata = metadataAfter(old, refreshed, isKept);
  const deadAtBirth = isRejected && isNewborn(old, now) ? (old.grant.deadAtBirth ?? 0) + 1 : 0;
  const credentials = { access: refreshed.access, refresh: refreshed.refresh ?? refresh, metadata };
  return withPublishedStatus(
    {
      ...sealCredentials(key, name, version, now, credentials),
      condition: { kind: 'good' },
      grant: {
        ...endStatement(old.grant, refreshed, isKept),
        ...grantAfter(old, metadata.refreshExpiresAt, now),
        rotation: rotationAfter(old, isKept),
        ...(deadAtBirth > 0 && { deadAtBirth }),
        // A refresh proves whose grant it is.
        ...(client !== null && { client }),
      },
      lease: null,
    },
    now,
  );
};

/** An access token from a refresh is newborn for this time, milliseconds. */
const NEWBORN_MS = 10 * 60_000;

/** Whether a refresh has issued the access token just now. */
const isNewborn = ({ grant, storedAt }: ConnectionRecord, now: number): boolean =>
  grant.refreshedAt !== null && now - storedAt < NEWBORN_MS;

/** A provider that repeats the refresh token has not rotated it either. One rotation is enough to call a grant rotating. */
const rotationAfter = ({ grant }: ConnectionRecord, isKept: boolean): 'kept' | 'rotated' =>
  grant.rotation === 'rotated' || !isKept ? 'rotated' : 'kept';

/** A stated end stays stated while the refresh token stays the same. */
const endStatement = (grant: Grant, refreshed: RefreshedCredentials, isKept: boolean): Pick<Grant, 'endIsStated'> => {
  const isStated = refreshed.refreshExpiresAt !== null && refreshed.endIsAssumed !== true;
  return isStated || (isKept && grant.endIsStated === true) ? { endIsStated: true } : {};
};

const isSame = (a: Secret, b: Secret): boolean => reveal(a).equals(reveal(b));

/**
 * The record with a new refresh token and the old access token, for an answer whose access token is unusable. The token
 * version stays, because callers get no other access token.
 */
export const rotatedRecord = (
  old: ConnectionRecord,
  { refresh, refreshExpiresAt, fault }: RotatedOnly,
  { key, name, version, now, retryAt }: Omit<RefreshedFrom, 'refresh' | 'client'> & { readonly retryAt: number },
): ConnectionRecord => {
  const access = openAccess(key, name, old);
  try {
    const metadata = { ...old.metadata, refreshExpiresAt: refreshExpiresAt === 'never' ? null : refreshExpiresAt };
    const { condition, tokenVersion, grant } = old;
    const [since, failures] = condition.kind === 'failing' ? [condition.since, condition.failures + 1] : [now, 1];
    return withPublishedStatus(
      {
        ...old,
        ...sealCredentials(key, name, version, now, { access, refresh, metadata }),
        tokenVersion,
        condition: { kind: 'failing', reason: fault, since, failures, retryAt, unknownSince: null },
        grant: { ...grant, refreshedAt: now, rotation: 'rotated' },
        lease: null,
      },
      now,
    );
  } finally {
    access.wipe();
  }
};

/** The metadata after a refresh. `isKept`: the refresh token is the earlier one. */
export const metadataAfter = (
  { metadata: old, grant }: Pick<ConnectionRecord, 'metadata' | 'grant'>,
  refreshed: RefreshedCredentials,
  isKept: boolean,
): ConnectionMetadata => ({
  tokenType: refreshed.tokenType,
  scopes: refreshed.scopes ?? old.scopes,
  expiresAt: refreshed.expiresAt,
  refreshExpiresAt: refreshEnd(old.refreshExpiresAt, grant.endIsStated === true, refreshed, isKept),
  params: { ...old.params, ...refreshed.params },
});

/** A stated end of the same refresh token counts before an assumed one. */
const refreshEnd = (
  earlier: number | null,
  isStated: boolean,
  { refreshExpiresAt: end, endIsAssumed = false }: RefreshedCredentials,
  isKept: boolean,
): number | null => {
  if (isKept && isStated && earlier !== null && (end === null || endIsAssumed)) return earlier;
  if (end === 'never') return null;
  return end ?? (isKept ? earlier : null);
};

/** After less time the end of a refresh token moves too little to say whether use extends it. */
const TELLING_MS = 60_000;

/** An end that a refresh has not extended is the end of the grant. */
const grantAfter = (
  { grant, storedAt, metadata }: ConnectionRecord,
  refreshExpiresAt: number | null,
  now: number,
): Omit<Grant, 'rotation' | 'rejection' | 'deadAtBirth' | 'endIsStated'> => {
  const elapsed = now - storedAt;
  const stays =
    metadata.refreshExpiresAt !== null &&
    refreshExpiresAt !== null &&
    elapsed > TELLING_MS &&
    refreshExpiresAt - metadata.refreshExpiresAt < elapsed / 2;
  const endsAt = stays ? Math.min(grant.endsAt ?? refreshExpiresAt, refreshExpiresAt) : grant.endsAt;
  return { since: grant.since, account: grant.account, endsAt, refreshedAt: now };
};
