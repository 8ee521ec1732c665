import type { Secret } from '@vault-engine/crypto';
import type { ErrorCode, Failure, PlatformId, StatusReason, UserId } from '@vault-engine/model';
import { type Answer, auditOf, type Call, refuse, type Vault } from './call.ts';
import type { Condition, ConnectionMetadata, ConnectionRecord, UserRow } from './connection-record.ts';
import { openAccess, RecordCorrupt } from './credentials.ts';
import { PortUnavailable } from './ports.ts';
import { mayRefresh } from './refresh/judge-answer.ts';
import { isDeadAtBirth, noteRejection } from './refresh/note-rejection.ts';
import type { RefreshActor, RefreshAnswer } from './refresh/refresh-request.ts';
import type { Refresher } from './refresh/refresher.ts';
import { isReportedRevoked, rejectionOf, status } from './status.ts';

/** The `GetToken` command. */
export interface GetToken {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** How much longer the token has to live at least, seconds. */
  readonly minValiditySeconds: number | null;
  /** The `tokenVersion` that the platform has rejected. */
  readonly rejectedVersion: number | null;
}

/** The answer of `GetToken`. It holds no refresh token. */
export interface TokenIssued {
  readonly platform: PlatformId;
  readonly access: Secret;
  readonly metadata: ConnectionMetadata;
  readonly tokenVersion: number;
  /**
   * A problem of the connection although the token is usable; null: none. `short_validity`: it does not live as long as the
   * caller asks for, and no other does.
   */
  readonly warning: StatusReason | 'short_validity' | null;
}

/** How an unusable token is refreshed. */
export interface RefreshOnRetrieval {
  readonly refresher: Pick<Refresher, 'refresh'>;
  /** Called before waiting. Answers how long the caller can wait, milliseconds; 0 or less: not at all. */
  readonly wait: () => number;
}

/** Issues a usable access token: the stored one, or a refreshed one if the stored one is no longer usable. */
export const getToken = async (
  vault: Vault,
  call: Call,
  command: GetToken,
  onRetrieval: RefreshOnRetrieval,
): Promise<Answer<TokenIssued>> => {
  const { user: row, record } = await vault.store.readConnection(command.user, command.platform);
  if (row === null || record === null) return notConnected(vault, command.platform);
  if (isReportedRevoked(record)) return REPORTED;
  const lack = lackOf(command, record, vault.now());
  if (lack === null) return issue(vault, call, command, row, record);
  const isOver = lack.reason === 'rejected_by_platform' && isDeadAtBirth(record, vault.now());
  const refreshed = isOver
    ? ({ kind: 'kept', record } as const)
    : await refresh(vault, call, command, record, onRetrieval).catch(unlessUsable(lack));
  if (refreshed === 'corrupt') return CORRUPT;
  if (refreshed.kind === 'gone') return notConnected(vault, command.platform);
  if (refreshed.kind === 'renewed') {
    const still = lackOf({ ...command, minValiditySeconds: null }, refreshed.record, vault.now());
    return still === null || still.usable
      ? issue(vault, call, command, refreshed.user, refreshed.record)
      : refuse(
          'provider_unavailable',
          'the platform issues tokens that are expired already; contact the operator if this goes on',
          'renewed_in_vain',
        );
  }
  const latest = 'record' in refreshed ? refreshed.record : record;
  if (isReportedRevoked(latest)) return REPORTED;
  if (refreshed.kind === 'kept' && lack.isReported) {
    const noted = await noteRejection(vault, command, actorOf(call), row, refreshed.record).catch(unlessCorrupt);
    if (noted === 'corrupt') return CORRUPT;
    return whyNot(lack, record.condition, { kind: 'kept', record: noted }, vault.now());
  }
  return lack.usable
    ? issue(vault, call, command, row, latest)
    : whyNot(lack, record.condition, refreshed, vault.now());
};

const notConnected = (vault: Vault, platform: PlatformId): Answer<never> =>
  vault.platforms.displayName(platform) === null
    ? refuse('invalid_request', 'there is no such platform', 'unknown_platform')
    : refuse('not_connected', 'the user has no connection on this platform');

const REPORTED = refuse(
  'expired_token',
  'the provider has revoked the grant, as an engine reported; the user has to reconnect',
  'reported_revoked',
);

/** Why a stored token does not satisfy a command. */
interface Lack {
  readonly reason: 'access_token_expired' | 'rejected_by_platform' | 'expiry_unknown';
  /** The caller says that the platform rejects the token. */
  readonly isReported?: true;
  /** It has not expired, and the caller does not call it rejected. */
  readonly usable: boolean;
}

/** A token that expires within this time, or within this part of its life, is refreshed before it is issued. */
const AHEAD = { ms: 60_000, part: 1 / 20 };

const lackOf = (command: GetToken, record: ConnectionRecord, now: number): Lack | null => {
  if (command.rejectedVersion === record.tokenVersion)
    return { reason: 'rejected_by_platform', usable: false, isReported: true };
  if (rejectionOf(record)?.confirmedAt !== undefined) return { reason: 'rejected_by_platform', usable: false };
  const { storedAt, metadata } = record;
  const { expiresAt } = metadata;
  if (expiresAt === null) return isOfUnknownAge(record) ? OF_UNKNOWN_AGE : null;
  const left = expiresAt - now;
  const wanted = (command.minValiditySeconds ?? 0) * 1_000;
  const ahead = Math.min(AHEAD.ms, Math.max(expiresAt - storedAt, 0) * AHEAD.part);
  return left > Math.max(wanted, ahead) ? null : { reason: 'access_token_expired', usable: left > 0 };
};

/** Whether a token expires before the caller wants it to. */
const isShort = (
  { minValiditySeconds }: GetToken,
  { metadata: { expiresAt } }: ConnectionRecord,
  now: number,
): boolean => expiresAt !== null && expiresAt - now < (minValiditySeconds ?? 0) * 1_000;

/** Stored without an expiry, so that nobody knows how long it lives: its first refresh finds out. */
const isOfUnknownAge = ({ refresh: token, grant, condition }: ConnectionRecord): boolean =>
  token !== null && grant.refreshedAt === null && condition.kind === 'good';

const OF_UNKNOWN_AGE: Lack = { reason: 'expiry_unknown', usable: true };

const refresh = async (
  vault: Vault,
  call: Call,
  { user, platform, rejectedVersion }: GetToken,
  record: ConnectionRecord,
  { refresher, wait }: RefreshOnRetrieval,
): Promise<RefreshAnswer> => {
  const may = mayRefresh(record, vault.providers.terms(platform), vault.now(), false);
  if (may.kind === 'kept') return { kind: 'kept', record };
  if (may.kind === 'later') return { ...may, limit: 'interval', record };
  const budgetMs = wait();
  if (budgetMs <= 0) return { kind: 'busy' };
  const isRejected = rejectedVersion === record.tokenVersion;
  return refresher.refresh(
    { user, platform, tokenVersion: record.tokenVersion, forced: false, actor: actorOf(call), isRejected },
    budgetMs,
  );
};

const actorOf = ({ requestId, keyId, engine }: Call): RefreshActor => ({
  requestId,
  keyId,
  engine,
  eventEngine: engine,
});

/** A usable token is issued whichever part keeps it from being refreshed. */
const unlessUsable =
  ({ usable }: Lack) =>
  (error: unknown): RefreshAnswer | 'corrupt' => {
    if (usable && (error instanceof PortUnavailable || error instanceof RecordCorrupt)) return { kind: 'busy' };
    if (error instanceof RecordCorrupt) return 'corrupt';
    throw error;
  };

const unlessCorrupt = (error: unknown): 'corrupt' => {
  if (error instanceof RecordCorrupt) return 'corrupt';
  throw error;
};

const CORRUPT = refuse('internal', 'the stored token does not open; contact the operator', 'record_corrupt');

const AGAIN_SOON_MS = 1_000;

/** Why there is no usable token, and what helps. */
const whyNot = (
  lack: Lack,
  before: Condition,
  refreshed: Exclude<RefreshAnswer, { kind: 'renewed' | 'gone' }>,
  now: number,
): { readonly ok: false; readonly failure: Failure } => {
  switch (refreshed.kind) {
    case 'busy':
      return later(
        'provider_unavailable',
        'the token refresh has not finished; retry after retry_after_ms',
        'renewal_under_way',
        AGAIN_SOON_MS,
      );
    case 'later':
      if (refreshed.reason === 'provider_misconfigured') return MISCONFIGURED;
      if (refreshed.limit === 'incident')
        return later(
          'provider_unavailable',
          'token refreshes of this platform fail for now; retry after retry_after_ms',
          refreshed.reason ?? lack.reason,
          refreshed.retryAfterMs,
        );
      return later(
        'refresh_cooling_down',
        'the platform does not allow a refresh yet; retry after retry_after_ms',
        lack.reason,
        refreshed.retryAfterMs,
      );
    case 'kept': {
      const { condition } = refreshed.record;
      if (condition.kind !== 'failing') {
        const reason = condition.kind === 'dead' ? condition.reason : lack.reason;
        return refuse('expired_token', 'the access token is no longer usable; the user has to connect again', reason);
      }
      return failing(before, condition, now);
    }
  }
};

const failing = (before: Condition, { reason, retryAt, failures }: Failing, now: number) => {
  const retryAfterMs = Math.max(retryAt - now, 1);
  if (reason === 'provider_misconfigured') return MISCONFIGURED;
  const triedNow = before.kind !== 'failing' || before.failures !== failures;
  return triedNow && reason !== 'provider_throttles'
    ? later('provider_unavailable', 'the token refresh failed; retry after retry_after_ms', reason, retryAfterMs)
    : later(
        'refresh_cooling_down',
        'an earlier token refresh failed; the next attempt is after retry_after_ms',
        reason,
        retryAfterMs,
      );
};

const MISCONFIGURED = refuse(
  'provider_misconfigured',
  'the platform rejected this deployment’s client registration or request; contact the operator',
  'provider_misconfigured',
);

type Failing = Extract<Condition, { kind: 'failing' }>;

const later = (code: ErrorCode, message: string, reason: string, retryAfterMs: number) => ({
  ok: false as const,
  failure: { code, message, reason, retryAfterMs: Math.ceil(retryAfterMs) },
});

const issue = async (
  vault: Vault,
  call: Call,
  command: GetToken,
  row: UserRow,
  record: ConnectionRecord,
): Promise<Answer<TokenIssued>> => {
  const { user, platform } = command;
  const key = await vault.keys.keyOf(user, row.dataKey);
  try {
    const access = openAccess(key, { user, platform }, record);
    const { metadata, tokenVersion } = record;
    const now = vault.now();
    const warning = status(record, now).reason ?? (isShort(command, record, now) ? 'short_validity' : null);
    return {
      ok: true,
      value: { platform, access, metadata, tokenVersion, warning },
      audit: auditOf(vault, call, 'ok', { user, platform, recordVersion: record.version }),
    };
  } catch (error) {
    if (error instanceof RecordCorrupt) return CORRUPT;
    throw error;
  }
};
