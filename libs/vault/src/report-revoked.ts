import type { PlatformId } from '@vault-engine/model';
import { type Call, refuse, type Vault } from './call.ts';
import { type Decision, type Mutation, nextVersion } from './change/change.ts';
import { commandDigest, dedupeId } from './change/dedupe.ts';
import type { ConnectionRecord } from './connection-record.ts';
import type { RecordName } from './credentials.ts';
import { isReportedRevoked, status, withPublishedStatus } from './status.ts';
import type { UserView } from './token-store.ts';

/** The `ReportRevoked` command. */
export interface ReportRevoked extends RecordName {
  /** The credentials that were revoked. */
  readonly tokenVersion: number;
}

/** The answer of `ReportRevoked`. */
export interface RevocationReported {
  readonly platform: PlatformId;
  /** `older_version`: the connection has newer credentials, and nothing was changed. */
  readonly outcome: 'reported' | 'older_version';
  /** The connection's credentials. */
  readonly tokenVersion: number;
  readonly revision: number;
}

/**
 * Believes an engine that a provider has told of a revoked grant: the connection is dead with the reason `reported_revoked`, and
 * its access token is expired from now on. The provider is not called, and the connection with its credentials stays: a
 * `StoreToken` replaces them. A report about older credentials changes nothing.
 */
export const reportRevoked = (
  vault: Pick<Vault, 'now'>,
  call: Call,
  { user, platform, tokenVersion }: ReportRevoked,
): Mutation<RevocationReported> => ({
  user,
  platform,
  dedupeId: dedupeId(call, user),
  digest: commandDigest(call, user, platform, String(tokenVersion)),
  decide: (view) => decide(platform, tokenVersion, view, vault.now()),
  recalled: (value) => value as RevocationReported, // written by `change` from a RevocationReported
});

const decide = (
  platform: PlatformId,
  tokenVersion: number,
  view: UserView,
  now: number,
): Decision<RevocationReported> => {
  const existing = view.connections.get(platform);
  if (view.user === null || existing === undefined) return NOT_CONNECTED;
  if (tokenVersion > existing.tokenVersion) return UNKNOWN_VERSION;
  const current = { platform, tokenVersion: existing.tokenVersion };
  if (tokenVersion < existing.tokenVersion)
    return { kind: 'nothing', value: { ...current, outcome: 'older_version', revision: view.user.revision } };
  if (isReportedRevoked(existing))
    return { kind: 'nothing', value: { ...current, outcome: 'reported', revision: view.user.revision } };
  const record = revoked(existing, now);
  const revision = nextVersion(view.user.revision, view.nowMicros);
  return {
    kind: 'change',
    value: { ...current, outcome: 'reported', revision },
    write: {
      revision,
      dataKey: null,
      put: { platform, record, dueAt: null },
      remove: [],
      flows: null,
      forget: false,
    },
    events: [{ platform, change: 'EXPIRED', view: status(record, now) }],
    recordVersion: existing.version,
    reason: 'reported_revoked',
  };
};

const revoked = (existing: ConnectionRecord, now: number): ConnectionRecord =>
  withPublishedStatus(
    { ...existing, condition: { kind: 'dead', reason: 'reported_revoked', since: now }, lease: null },
    now,
  );

const NOT_CONNECTED: Decision<never> = {
  kind: 'refuse',
  failure: refuse('not_connected', 'the user has no connection on this platform').failure,
};

const UNKNOWN_VERSION: Decision<never> = {
  kind: 'refuse',
  failure: refuse('invalid_request', 'token_version was never issued for this connection', 'unknown_version').failure,
};
