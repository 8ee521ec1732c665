import type { Secret } from '@vault-engine/crypto';
import type { ErrorCode } from '@vault-engine/model';
import { auditOf, type Vault } from '../call.ts';
import { nextVersion } from '../change/change.ts';
import type { ConnectionRecord, Lease, UserRow } from '../connection-record.ts';
import { openRefresh } from '../credentials.ts';
import { type Port, PortUnavailable } from '../ports.ts';
import type { RefreshedCredentials, RefreshOutcome, RefreshTerms, RotatedOnly } from '../providers.ts';
import { withPublishedStatus } from '../status.ts';
import { type CommitResult, commitRefresh, type RefreshCommit } from './commit.ts';
import { type Attempt, conditionAfter, firstStep, mayRefresh, type Refused, unknownSince } from './decide-refresh.ts';
import { giveBackAnd, type KeptLease, keepLease, type LeaseTimes } from './lease.ts';
import type { RefreshAnswer, RefreshRequest } from './refresh-request.ts';
import { refreshedRecord, rotatedRecord } from './refreshed-record.ts';

/** What a refresh works with, beside the vault. Times are milliseconds. */
export interface RefreshTiming extends LeaseTimes {
  /** A grant that the provider calls dead is asked for once more after this time. */
  readonly confirmMs: number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** The answer of one attempt. `held`: another process has the lease. */
export type AttemptAnswer = Exclude<RefreshAnswer, { kind: 'busy' }> | { readonly kind: 'held' };

/** An attempt under its lease. */
interface Leased {
  readonly vault: Vault;
  readonly timing: RefreshTiming;
  readonly request: RefreshRequest;
  readonly lease: KeptLease;
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
  if (looked !== null) return looked;
  const of = { user: request.user, platform: request.platform, owner: vault.uuid() };
  // A claim is a write, so it also shows that the store takes writes before a refresh token is spent.
  const claimed = await vault.store.claim({ ...of, tokenVersion: request.tokenVersion, ttlMs: timing.claimedMs });
  if (claimed.kind === 'held') return { kind: 'held' };
  if (claimed.kind === 'changed') return lookAgain(vault, request);
  const lease = keepLease(vault.store, of, timing, vault.now);
  try {
    const { user: row, record } = await vault.store.readConnection(of.user, of.platform).catch(giveBackAnd(vault, of));
    const terms = vault.providers.terms(of.platform);
    if (row === null || record === null || terms === null || answerOf(vault, request, { user: row, record }) !== null) {
      await vault.store.release(of);
      return await lookAgain(vault, request);
    }
    return await judge({ vault, timing, request, lease, row, record, terms, before: claimed.before });
  } finally {
    lease.stop();
  }
};

const look = async (vault: Vault, request: RefreshRequest): Promise<AttemptAnswer | null> =>
  answerOf(vault, request, await vault.store.readConnection(request.user, request.platform));

const lookAgain = async (vault: Vault, request: RefreshRequest): Promise<AttemptAnswer> =>
  (await look(vault, request)) ?? { kind: 'held' };

/** The answer that needs no lease; null: there is something to refresh. */
const answerOf = (
  vault: Vault,
  { platform, tokenVersion, forced }: RefreshRequest,
  { user, record }: { readonly user: UserRow | null; readonly record: ConnectionRecord | null },
): AttemptAnswer | null => {
  if (user === null || record === null) return { kind: 'gone' };
  if (record.tokenVersion !== tokenVersion) return { kind: 'renewed', user, record };
  const may = mayRefresh(record, vault.providers.terms(platform), vault.now(), forced);
  if (may.kind === 'yes') return null;
  return may.kind === 'kept' ? { kind: 'kept', record } : { ...may, limit: 'interval', record };
};

/** Decides whether the refresh token is sent. One token of the platform's rate covers whatever the provider is asked. */
const judge = async (leased: Leased): Promise<AttemptAnswer> => {
  const { vault, timing, request, lease, record, terms, before } = leased;
  const { providers } = vault;
  const since = unknownSince(record, before, { ...timing, refreshTimeoutMs: providers.refreshTimeoutMs });
  const attempt: Attempt = { terms, askedAt: vault.now(), unknownSince: since, now: vault.now() };
  const first = firstStep(terms, since, vault.now());
  if (first === 'give_up') return answer(leased, await persistRefused(leased, attempt, SPENT));
  const rate = await providers.admit(request.platform).catch(giveBackAnd(vault, lease.of));
  if (!rate.ok) {
    await vault.store.release(lease.of);
    return { kind: 'later', limit: 'rate', record, retryAfterMs: rate.retryAfterMs };
  }
  const refresh = await openedRefresh(leased).catch(giveBackAnd(vault, lease.of));
  try {
    if (first === 'send') return await answer(leased, await call(leased, attempt, refresh));
    // Introspection spends nothing, so the lease stays in phase `claimed`. No earlier request is under way any more: a holder
    // that lost its lease sent nothing in the last of its time (`lease.ts`), and one that wrote down a lost answer had waited.
    const spent = await providers.introspect(
      request.platform,
      refresh,
      record.metadata.params,
      record.grant.client ?? null,
    );
    return await answer(
      leased,
      spent === 'unspent'
        ? await call(leased, { ...attempt, unknownSince: null }, refresh)
        : await persistRefused(leased, attempt, spent === 'spent' ? SPENT : NOT_INTROSPECTED),
    );
  } finally {
    refresh.wipe();
  }
};

const SPENT: Refused = { kind: 'grant_dead', reason: 'outcome_unknown' };
const NOT_INTROSPECTED: Refused = { kind: 'transient', reason: 'introspection_failed', retryAfterMs: null };

const openedRefresh = async ({ vault, request, row, record }: Leased): Promise<Secret> => {
  const { user, platform } = request;
  const opened = openRefresh(await vault.keys.keyOf(user, row.dataKey), { user, platform }, record);
  if (opened === null) throw new Error('the connection has no refresh token');
  return opened;
};

/** Sends the refresh token: the intent is in the audit log and the lease in phase `called` before. */
const call = async (leased: Leased, attempt: Attempt, refresh: Secret): Promise<CommitResult> => {
  const { vault, lease } = leased;
  await auditIntent(leased).catch(giveBackAnd(vault, lease.of));
  if (!(await enterCalled(leased))) return { kind: 'lost' };
  const askedAt = vault.now();
  const outcome = await send(leased, refresh);
  if (outcome === null) return { kind: 'lost' };
  if (outcome.kind === 'access_unusable') return persistRotated(leased, outcome);
  return outcome.kind === 'renewed'
    ? persistRefreshed(leased, outcome, refresh)
    : persistRefused(leased, { ...attempt, askedAt, now: vault.now() }, outcome);
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
  if (first.kind !== 'grant_dead') return first;
  await timing.sleep(timing.confirmMs);
  return (await throughOutages(timing, () => lease.called())) ? once() : null;
};

/**
 * Writes what a refusal means once the store takes it: a lease left in phase `called` would make an unused refresh token
 * look spent. Rejects with `PortUnavailable` (`audit`) when the write is not audited yet.
 */
const persistRefused = (
  { vault, timing, request, lease }: Leased,
  attempt: Attempt,
  outcome: Refused,
): Promise<CommitResult> =>
  throughOutages(timing, () =>
    commitRefresh(vault, lease.of.owner, {
      ...commitOf(request),
      result: RESULTS[outcome.kind],
      reason: outcome.reason,
      after: (record) =>
        withPublishedStatus({ ...record, condition: conditionAfter(record.condition, outcome, attempt) }, vault.now()),
    }),
  );

const RESULTS: Readonly<Record<Refused['kind'], ErrorCode>> = {
  grant_dead: 'expired_token',
  application_fault: 'provider_misconfigured',
  transient: 'provider_unavailable',
  throttled: 'refresh_cooling_down',
  unknown_outcome: 'provider_unavailable',
};

/** Writes credentials that the provider has issued. */
const persistRefreshed = async (
  leased: Leased,
  outcome: RefreshedCredentials,
  refresh: Secret,
): Promise<CommitResult> => {
  const { vault, request } = leased;
  const { user, platform } = request;
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
