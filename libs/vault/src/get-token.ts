import type { Secret } from '@vault-engine/crypto';
import type { ErrorCode, Failure, PlatformId, StatusReason, UserId } from '@vault-engine/model';
import { type Answer, auditOf, type Call, refuse, type Vault } from './call.ts';
import type { Condition, ConnectionMetadata, ConnectionRecord, UserRow } from './connection-record.ts';
import { openAccess, RecordCorrupt } from './credentials.ts';
import { PortUnavailable } from './ports.ts';
import { mayRefresh } from './refresh/decide-refresh.ts';
import type { RefreshAnswer } from './refresh/refresh-request.ts';
import type { Refresher } from './refresh/refresher.ts';
import { status } from './status.ts';

/** What `GetToken` asks for. */
export interface GetToken {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** The token has to live at least this much longer, in seconds. */
  readonly minValiditySeconds: number | null;
  /** The `tokenVersion` that the platform answered with a 401. */
  readonly rejectedVersion: number | null;
}

/** What `GetToken` answers. The refresh token is not part of it. */
export interface TokenIssued {
  readonly platform: PlatformId;
  readonly access: Secret;
  readonly metadata: ConnectionMetadata;
  readonly tokenVersion: number;
  /** Something to act upon although the token is usable; null where nothing is wrong. */
  readonly warning: StatusReason | null;
}

/** How a token that is not usable as it is can be renewed. */
export interface RefreshOnRetrieval {
  readonly refresher: Pick<Refresher, 'refresh'>;
  /** Called before anybody is waited for. Answers how long the caller can wait, milliseconds; 0 or less: no more. */
  readonly wait: () => number;
}

/** Hands out a usable access token: the one that is stored, or, where that is no longer usable, a renewed one. */
export const getToken = async (
  vault: Vault,
  call: Call,
  command: GetToken,
  onRetrieval: RefreshOnRetrieval,
): Promise<Answer<TokenIssued>> => {
  const { user: row, record } = await vault.store.readConnection(command.user, command.platform);
  if (row === null || record === null) return notConnected(vault, command.platform);
  const lack = lackOf(command, record, vault.now());
  if (lack === null) return issue(vault, call, command, row, record);
  const refreshed = await refresh(vault, call, command, record, onRetrieval).catch(unlessUsable(lack));
  if (refreshed === 'corrupt') return CORRUPT;
  if (refreshed.kind === 'gone') return notConnected(vault, command.platform);
  if (refreshed.kind === 'renewed') {
    const still = lackOf({ ...command, minValiditySeconds: null }, refreshed.record, vault.now());
    return still === null || still.usable
      ? issue(vault, call, command, refreshed.user, refreshed.record)
      : refuse('provider_unavailable', 'the platform issues tokens that are not usable', 'renewed_in_vain');
  }
  // Where nothing can be renewed, the time that the caller asks for is not to be had: neither now nor later.
  return lack.usable &&
    (refreshed.kind !== 'kept' || refreshed.record.condition.kind === 'failing' || lack.refreshesAhead)
    ? issue(vault, call, command, row, 'record' in refreshed ? refreshed.record : record)
    : whyNot(lack, record.condition, refreshed, vault.now());
};

const notConnected = (vault: Vault, platform: PlatformId): Answer<never> =>
  vault.platforms.displayName(platform) === null
    ? refuse('invalid_request', 'there is no such platform', 'unknown_platform')
    : refuse('not_connected', 'the user has no connection on this platform');

/** What a stored token lacks for a command. */
interface Lack {
  readonly reason: 'access_token_expired' | 'rejected_by_platform';
  /** It has not lapsed yet, and nobody has rejected it. */
  readonly usable: boolean;
  /** It has the time that was asked for; it is renewed because it is about to lapse. */
  readonly refreshesAhead: boolean;
}

/** A token that lapses within this, or within this part of its life, is renewed before it is handed out. */
const AHEAD = { ms: 60_000, part: 1 / 20 };

const lackOf = (command: GetToken, record: ConnectionRecord, now: number): Lack | null => {
  if (command.rejectedVersion === record.tokenVersion)
    return { reason: 'rejected_by_platform', usable: false, refreshesAhead: false };
  const { storedAt, metadata } = record;
  const { expiresAt } = metadata;
  if (expiresAt === null) return null;
  const left = expiresAt - now;
  const wanted = (command.minValiditySeconds ?? 0) * 1_000;
  const ahead = Math.min(AHEAD.ms, Math.max(expiresAt - storedAt, 0) * AHEAD.part);
  return left > Math.max(wanted, ahead)
    ? null
    : { reason: 'access_token_expired', usable: left > 0, refreshesAhead: left > wanted };
};

const refresh = async (
  vault: Vault,
  call: Call,
  { user, platform }: GetToken,
  record: ConnectionRecord,
  { refresher, wait }: RefreshOnRetrieval,
): Promise<RefreshAnswer> => {
  const may = mayRefresh(record, vault.providers.terms(platform), vault.now(), false);
  if (may.kind === 'kept') return { kind: 'kept', record };
  if (may.kind === 'later') return { ...may, limit: 'interval', record };
  const budgetMs = wait();
  if (budgetMs <= 0) return { kind: 'busy' };
  const { requestId, keyId, engine } = call;
  const actor = { requestId, keyId, engine, eventEngine: engine };
  return refresher.refresh({ user, platform, tokenVersion: record.tokenVersion, forced: false, actor }, budgetMs);
};

/** A token that is usable is handed out whichever part it is that keeps it from being renewed. */
const unlessUsable =
  ({ usable }: Lack) =>
  (error: unknown): RefreshAnswer | 'corrupt' => {
    if (usable && (error instanceof PortUnavailable || error instanceof RecordCorrupt)) return { kind: 'busy' };
    if (error instanceof RecordCorrupt) return 'corrupt';
    throw error;
  };

const CORRUPT = refuse('internal', 'the stored token does not open', 'record_corrupt');

const AGAIN_SOON_MS = 1_000;

/** Why no usable token is there, and what helps. */
const whyNot = (
  lack: Lack,
  before: Condition,
  refreshed: Exclude<RefreshAnswer, { kind: 'renewed' | 'gone' }>,
  now: number,
): { readonly ok: false; readonly failure: Failure } => {
  switch (refreshed.kind) {
    case 'busy':
      return later('provider_unavailable', 'the token is being renewed', 'renewal_under_way', AGAIN_SOON_MS);
    case 'later':
      return later('refresh_cooling_down', 'the platform allows no renewal yet', lack.reason, refreshed.retryAfterMs);
    case 'kept': {
      const { condition } = refreshed.record;
      if (condition.kind !== 'failing') {
        const reason = condition.kind === 'dead' ? condition.reason : lack.reason;
        return refuse('expired_token', 'the access token is no longer usable: the user has to connect again', reason);
      }
      return failing(before, condition, now);
    }
  }
};

const failing = (before: Condition, { reason, retryAt, failures }: Failing, now: number) => {
  const retryAfterMs = Math.max(retryAt - now, 1);
  if (reason === 'provider_misconfigured')
    return refuse('provider_misconfigured', 'the platform refuses this vault: its operator has to look', reason);
  const triedNow = before.kind !== 'failing' || before.failures !== failures;
  return triedNow && reason !== 'provider_throttles'
    ? later('provider_unavailable', 'the platform does not renew the token for now', reason, retryAfterMs)
    : later(
        'refresh_cooling_down',
        'renewing the token has failed: it rests before the next try',
        reason,
        retryAfterMs,
      );
};

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
    const warning = status(record, vault.now()).reason;
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
