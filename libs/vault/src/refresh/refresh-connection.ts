import type { Secret } from '@vault-engine/crypto';
import type { ErrorCode } from '@vault-engine/model';
import { auditOf, type Vault } from '../call.ts';
import { nextVersion } from '../change/change.ts';
import type { Condition, ConnectionRecord, Lease, UserRow } from '../connection-record.ts';
import { openRefresh } from '../credentials.ts';
import { type Port, PortUnavailable } from '../ports.ts';
import type { FailedRefresh, RefreshedCredentials, RefreshOutcome, RefreshTerms, RotatedOnly } from '../providers.ts';
import { withPublishedStatus } from '../status.ts';
import type { LeaseOf } from '../token-store.ts';
import { type Admitted, admitRefresh, type NotAdmitted } from './admit-refresh.ts';
import { type CommitResult, commitRefresh, type RefreshCommit } from './commit.ts';
import { type Evidence, firstStep, mayRefresh, unknownSince } from './judge-answer.ts';
import { giveBackAnd, type KeptLease, keepLease, type LeaseTimes } from './lease.ts';
import type { RefreshAnswer, RefreshRequest } from './refresh-request.ts';
import { refreshedRecord, rotatedRecord } from './refreshed-record.ts';
import { type Attempt, conditionAfter } from './verdict.ts';

/** What a refresh works with, beside the vault. Times are milliseconds. */
export interface RefreshTiming extends LeaseTimes {
  /** A grant that the provider calls dead is asked for once more after this time. */
  readonly confirmMs: number;
  readonly sleep: (ms: number) => Promise<unknown>;
  /** In [0, 1). */
  readonly random: () => number;
}

/** The answer of one attempt. `held`: another process has the lease. */
export type AttemptAnswer = Exclude<RefreshAnswer, { kind: 'busy' }> | { readonly kind: 'held' };

/** An attempt under its lease. */
interface Leased {
  readonly vault: Vault;
  readonly timing: RefreshTiming;
  readonly request: RefreshRequest;
  readonly lease: KeptLease;
  readonly admitted: Admitted;
  readonly row: UserRow;
  readonly record: ConnectionRecord;
  readonly terms: RefreshTerms;
  /** The expired lease of an earlier holder, if any. */
  readonly before: Lease | null;
}

/**
 * Refreshes a connection once, under its lease.
 *
 * ```
 *          nothing to refresh, or not now
 *   look ───────────────────────────────────────────────────────────▶ answer
 *     │
 *   admit ── an incident is open, or too many requests wait ────────▶ later
 *     │
 *   claim ── another process has the lease ─────────────────────────▶ held
 *     │       phase `claimed`: the refresh token is unused
 *   judge ── the platform's rate is used up ──────── release ───────▶ later
 *     │   └─ the token may be spent and can't be sent again ────────┐
 *     │   └─ introspection says spent, or does not answer ──────────┤
 *   call      phase `called`: the refresh token may be spent        │
 *     │                                                             ▼
 *   persist ◀── credentials or a condition ─────────────────────────┘
 *     │       ends the lease
 *   answer
 * ```
 *
 * A process that dies in phase `called` leaves its lease. The next claim answers it as `before`, and its outcome is unknown.
 */
export const refreshConnection = async (
  vault: Vault,
  timing: RefreshTiming,
  request: RefreshRequest,
): Promise<AttemptAnswer> => {
  const looked = await look(vault, request);
  if ('answer' in looked) return looked.answer;
  const admitted = await admitRefresh(vault, timing, { ...request, ...looked });
  if (!admitted.ok) return laterThanIncident(vault, timing, request, looked.record, admitted);
  const of = { user: request.user, platform: request.platform, owner: vault.uuid() };
  try {
    return await claim(vault, timing, request, of, admitted);
  } finally {
    await admitted.leave();
  }
};

/** A claim is a write, so it also shows that the store takes writes before a refresh token is spent. */
const claim = async (
  vault: Vault,
  timing: RefreshTiming,
  request: RefreshRequest,
  of: LeaseOf,
  admitted: Admitted,
): Promise<AttemptAnswer> => {
  const claimed = await vault.store.claim({ ...of, tokenVersion: request.tokenVersion, ttlMs: timing.claimedMs });
  if (claimed.kind === 'held') return { kind: 'held' };
  if (claimed.kind === 'changed') return lookAgain(vault, request);
  const lease = keepLease(vault.store, of, timing, vault.now);
  try {
    const found = await vault.store.readConnection(of.user, of.platform).catch(giveBackAnd(vault, of));
    const looked = judgeable(vault, request, found);
    if ('answer' in looked) {
      await vault.store.release(of);
      return looked.answer;
    }
    return await judge({ vault, timing, request, lease, admitted, ...looked, before: claimed.before });
  } finally {
    lease.stop();
  }
};

/** A connection that is to be refreshed now. */
type Refreshable = Pick<Leased, 'row' | 'record' | 'terms'>;

const look = async (vault: Vault, request: RefreshRequest): Promise<{ answer: AttemptAnswer } | Refreshable> =>
  judgeable(vault, request, await vault.store.readConnection(request.user, request.platform));

const lookAgain = async (vault: Vault, request: RefreshRequest): Promise<AttemptAnswer> => {
  const looked = await look(vault, request);
  return 'answer' in looked ? looked.answer : { kind: 'held' };
};

/** The connection, if there is something to refresh; else the answer, for which no lease is needed. */
const judgeable = (
  vault: Vault,
  { platform, tokenVersion, forced }: RefreshRequest,
  { user: row, record }: { readonly user: UserRow | null; readonly record: ConnectionRecord | null },
): { answer: AttemptAnswer } | Refreshable => {
  if (row === null || record === null) return { answer: { kind: 'gone' } };
  if (record.tokenVersion !== tokenVersion) return { answer: { kind: 'renewed', user: row, record } };
  const may = mayRefresh(record, vault.providers.terms(platform), vault.now(), forced);
  if (may.kind === 'yes') return { row, record, terms: may.terms };
  return { answer: may.kind === 'kept' ? { kind: 'kept', record } : { ...may, limit: 'interval', record } };
};

/**
 * The answer while the circuit of the platform is open. A connection whose token has expired shows the incident's reason; its
 * failures are not counted.
 */
const laterThanIncident = async (
  vault: Vault,
  timing: RefreshTiming,
  request: RefreshRequest,
  record: ConnectionRecord,
  { incident, retryAfterMs }: NotAdmitted,
): Promise<AttemptAnswer> => {
  const { expiresAt } = record.metadata;
  const later = {
    kind: 'later' as const,
    limit: 'incident' as const,
    record,
    retryAfterMs,
    ...(incident !== null && { reason: incident.reason }),
  };
  if (incident === null || record.condition.kind !== 'good' || expiresAt === null || expiresAt > vault.now())
    return later;
  const of = { user: request.user, platform: request.platform, owner: vault.uuid() };
  const claimed = await vault.store.claim({ ...of, tokenVersion: request.tokenVersion, ttlMs: timing.claimedMs });
  if (claimed.kind !== 'claimed') return later;
  if (claimed.before?.phase === 'called') {
    await vault.store.release(of);
    return later;
  }
  const now = vault.now();
  const failing = { kind: 'failing' as const, reason: incident.reason, since: now, failures: 1, unknownSince: null };
  const committed = await commitRefresh(vault, of.owner, {
    ...commitOf(request),
    action: 'TellState',
    result: 'ok',
    reason: 'incident',
    after: (current) =>
      withPublishedStatus({ ...current, condition: { ...failing, retryAt: Math.ceil(now + retryAfterMs) } }, now),
  });
  return committed.kind === 'written' ? { ...later, record: committed.record } : later;
};

/** Decides whether the refresh token is sent. One token of the platform's rate covers whatever the provider is asked. */
const judge = async (leased: Leased): Promise<AttemptAnswer> => {
  const { vault, timing, request, lease, record, terms, before } = leased;
  const { providers } = vault;
  const since = unknownSince(record, before, { ...timing, refreshTimeoutMs: providers.refreshTimeoutMs });
  const evidence: Evidence = { terms, rotation: record.grant.rotation, unknownSince: since };
  // An operator who forces a dead connection has decided that the refresh token is sent.
  const isRevived = request.forced && record.condition.kind === 'dead';
  const first = isRevived ? 'send' : firstStep(evidence, vault.now());
  if (first === 'give_up') return answer(leased, await persistSpent(leased));
  const rate = await providers.admit(request.platform).catch(giveBackAnd(vault, lease.of));
  if (!rate.ok) {
    await vault.store.release(lease.of);
    return { kind: 'later', limit: 'rate', record, retryAfterMs: rate.retryAfterMs };
  }
  const refresh = await openedRefresh(leased).catch(giveBackAnd(vault, lease.of));
  try {
    if (first === 'send') return await answer(leased, await call(leased, evidence, refresh));
    // Introspection spends nothing, so the lease stays in phase `claimed`. No earlier request is under way any more: a holder
    // that lost its lease sent nothing in the last of its time (`lease.ts`), and one that wrote down a lost answer had waited.
    const spent = await providers.introspect(
      request.platform,
      refresh,
      record.metadata.params,
      record.grant.client ?? null,
    );
    if (spent === 'spent') return await answer(leased, await persistSpent(leased));
    return await answer(
      leased,
      spent === 'unspent'
        ? await call(leased, { ...evidence, unknownSince: null }, refresh)
        : await persistFailed(leased, evidence, {
            failed: NOT_INTROSPECTED,
            askedAt: vault.now(),
            introspected: spent,
          }),
    );
  } finally {
    refresh.wipe();
  }
};

const NOT_INTROSPECTED: FailedRefresh = {
  kind: 'failed',
  answeredBy: 'not_sent',
  says: 'transient',
  reason: 'introspection_failed',
  status: null,
  code: null,
  retryAfterMs: null,
};

const openedRefresh = async ({ vault, request, row, record }: Leased): Promise<Secret> => {
  const { user, platform } = request;
  const opened = openRefresh(await vault.keys.keyOf(user, row.dataKey), { user, platform }, record);
  if (opened === null) throw new Error('the connection has no refresh token');
  return opened;
};

/** Sends the refresh token: the intent is in the audit log and the lease in phase `called` before. */
const call = async (leased: Leased, evidence: Evidence, refresh: Secret): Promise<CommitResult> => {
  const { vault, lease, request, record, terms } = leased;
  await auditIntent(leased).catch(giveBackAnd(vault, lease.of));
  if (!(await enterCalled(leased))) return { kind: 'lost' };
  const askedAt = vault.now();
  const outcome = await send(leased, refresh);
  if (outcome === null) return { kind: 'lost' };
  if (outcome.kind === 'renewed') return persistRefreshed(leased, outcome, refresh);
  if (outcome.kind === 'access_unusable') return persistRotated(leased, outcome);
  const isRefused = outcome.says === 'grant_dead' && terms.canIntrospect;
  const introspected = isRefused
    ? await vault.providers.introspect(request.platform, refresh, record.metadata.params)
    : 'unknown';
  return persistFailed(leased, evidence, { failed: outcome, askedAt, introspected });
};

const auditIntent = async ({ vault, request, record }: Leased): Promise<void> => {
  const { user, platform, actor } = request;
  const about = { user, platform, recordVersion: record.version };
  const entry = auditOf(vault, { ...actor, action: 'RefreshToken' }, 'started', about);
  await vault.journal.record(vault.journal.encodeAudit(entry));
};

/** The store may have written `called` although its answer was lost. Nothing was sent, so the lease is given back. */
const enterCalled = async ({ vault, timing, lease }: Leased): Promise<boolean> => {
  try {
    return await lease.called();
  } catch (error) {
    await throughOutages(timing, () => vault.store.release(lease.of));
    throw error;
  }
};

/** Null: another process has the lease by now. A grant that the provider calls dead is asked for twice. */
const send = async (
  { vault, timing, request, lease, record }: Leased,
  refresh: Secret,
): Promise<RefreshOutcome | null> => {
  const once = () =>
    vault.providers.refresh(request.platform, refresh, record.metadata.params, lease.lost, record.grant.client ?? null);
  const first = await once();
  if (first.kind !== 'failed' || first.says !== 'grant_dead') return first;
  await timing.sleep(timing.confirmMs);
  return (await throughOutages(timing, () => lease.called())) ? once() : null;
};

/**
 * Writes what a failure means once the store takes it: a lease left in phase `called` would make an unused refresh token
 * look spent. Rejects with `PortUnavailable` (`audit`) when the write is not audited yet.
 */
const persistFailed = async (
  leased: Leased,
  evidence: Evidence,
  facts: Pick<Attempt, 'failed' | 'askedAt' | 'introspected'>,
): Promise<CommitResult> => {
  const { vault, record, admitted } = leased;
  const health = await admitted.report(facts.failed, record.condition);
  const attempt: Attempt = { ...evidence, ...facts, health, now: vault.now() };
  const { says, reason } = facts.failed;
  return persistCondition(leased, RESULTS[says], reason, (earlier) => conditionAfter(earlier, attempt));
};

const RESULTS: Readonly<Record<FailedRefresh['says'], ErrorCode>> = {
  grant_dead: 'expired_token',
  application_fault: 'provider_misconfigured',
  transient: 'provider_unavailable',
  throttled: 'refresh_cooling_down',
};

/** The refresh token is used up, and its successor is lost. */
const persistSpent = (leased: Leased): Promise<CommitResult> =>
  persistCondition(leased, 'expired_token', 'outcome_unknown', () => ({
    kind: 'dead',
    reason: 'outcome_unknown',
    since: leased.vault.now(),
  }));

const persistCondition = (
  { vault, timing, request, lease }: Leased,
  result: ErrorCode,
  reason: string,
  conditionOf: (earlier: Condition) => Condition,
): Promise<CommitResult> =>
  throughOutages(timing, () =>
    commitRefresh(vault, lease.of.owner, {
      ...commitOf(request),
      result,
      reason,
      after: (record) => withPublishedStatus({ ...record, condition: conditionOf(record.condition) }, vault.now()),
    }),
  );

/** Writes credentials that the provider has issued. */
const persistRefreshed = async (
  leased: Leased,
  outcome: RefreshedCredentials,
  refresh: Secret,
): Promise<CommitResult> => {
  const { vault, request } = leased;
  const { user, platform } = request;
  await leased.admitted.reportSuccess();
  const committed = await persistIssued(leased, {
    ...commitOf(request),
    result: 'ok',
    reason: null,
    after: async (record, row, { nowMicros }) =>
      refreshedRecord(record, outcome, {
        key: await vault.keys.keyOf(user, row.dataKey),
        name: { user, platform },
        version: nextVersion(record.version, nowMicros),
        now: vault.now(),
        refresh,
        client: record.grant.client ?? vault.providers.clientId(platform),
        isRejected: request.isRejected === true,
      }),
  });
  outcome.access.wipe();
  outcome.refresh?.wipe();
  return committed;
};

/** Writes a refresh token that came with an unusable access token, or with none. */
const persistRotated = async (leased: Leased, outcome: RotatedOnly): Promise<CommitResult> => {
  const { vault, request, terms, record: seen } = leased;
  const { user, platform } = request;
  const committed = await persistIssued(leased, {
    ...commitOf(request),
    result: outcome.fault,
    reason: outcome.reason,
    after: async (record, row, { nowMicros }) =>
      // The refresh token of another version is newer than this one.
      record.version === seen.version
        ? rotatedRecord(record, outcome, {
            key: await vault.keys.keyOf(user, row.dataKey),
            name: { user, platform },
            version: nextVersion(record.version, nowMicros),
            now: vault.now(),
            retryAt:
              vault.now() +
              terms.backoff(record.condition.kind === 'failing' ? record.condition.failures + 1 : 1, null),
          })
        : { ...record, lease: null },
  });
  outcome.refresh.wipe();
  return committed;
};

/**
 * What the provider has issued may be all that it still accepts, so this goes on through outages of store and key service and
 * past other holders of the lease, until it is written or the connection has other credentials.
 */
const persistIssued = async (
  { vault, timing, request, lease }: Leased,
  commit: RefreshCommit,
): Promise<CommitResult> => {
  let { owner } = lease.of;
  for (;;) {
    // A write that is not audited yet is found by the next look as `overtaken`, and drained from the pending transitions.
    const committed = await throughOutages(timing, () => commitRefresh(vault, owner, commit), ANY_PORT);
    if (committed.kind !== 'lost') return committed;
    const again = await claimAgain(vault, timing, request);
    if (again === null) await timing.sleep(AGAIN_MS);
    owner = again ?? owner;
  }
};

const ANY_PORT: readonly Port[] = ['storage', 'keys', 'audit'];
/** How long is waited before the lease or a part that is out is tried again, milliseconds. */
const AGAIN_MS = 250;

const commitOf = ({ user, platform, actor, tokenVersion }: RefreshRequest) => ({
  name: { user, platform },
  actor,
  tokenVersion,
  action: 'RefreshToken' as const,
});

/** Takes the lease of a later holder once it expires: the credentials here are newer than what that holder can send. */
const claimAgain = async (
  vault: Vault,
  timing: RefreshTiming,
  { user, platform, tokenVersion }: RefreshRequest,
): Promise<string | null> => {
  const owner = vault.uuid();
  const of = { user, platform, owner, tokenVersion, ttlMs: timing.leaseMs };
  const claimed = await throughOutages(timing, () => vault.store.claim(of));
  return claimed.kind === 'claimed' ? owner : null;
};

/** Repeats `work` while one of `ports` is out. */
const throughOutages = async <T>(
  { sleep }: Pick<RefreshTiming, 'sleep'>,
  work: () => Promise<T>,
  ports: readonly Port[] = ['storage', 'keys'],
): Promise<T> => {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PortUnavailable && ports.includes(error.port))) throw error;
    }
    await sleep(AGAIN_MS);
  }
};

const answer = ({ vault, request }: Leased, committed: CommitResult): Promise<AttemptAnswer> | AttemptAnswer => {
  if (committed.kind !== 'written') return lookAgain(vault, request);
  const { user, record } = committed;
  return record.tokenVersion === request.tokenVersion ? { kind: 'kept', record } : { kind: 'renewed', user, record };
};
