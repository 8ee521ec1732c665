import type { Secret } from '@vault-engine/crypto';
import type { Vault } from '../call.ts';
import { openRefresh } from '../credentials.ts';
import type { ConnectionRecord, Lease, UserRow } from '../model.ts';
import type { RefreshTerms, SpentOrNot } from '../providers.ts';
import type { CommitResult } from './commit-refresh.ts';
import { type Attempt, firstStep, mayRefresh, type Refused, unknownSince } from './decide-refresh.ts';
import { type KeptLease, keepLease, type LeaseTimes } from './keep-lease.ts';
import { giveBackAnd } from './outages.ts';
import { persistRefused } from './persist-outcome.ts';
import type { RefreshAnswer, RefreshRequest } from './refresher.ts';
import { spendRefreshToken } from './spend-refresh-token.ts';

/** What renewing works with, beside the vault. */
export interface RefreshTiming extends LeaseTimes {
  /** A dead grant is asked for once more after this, milliseconds: some providers say so and do not mean it. */
  readonly confirmMs: number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** One attempt's answer. `held`: another process has the lease. */
export type AttemptAnswer = Exclude<RefreshAnswer, { kind: 'busy' }> | { readonly kind: 'held' };

/**
 * Refreshes a connection once, under its lease:
 * 1. whether there is anything to refresh, and whether now;
 * 2. the lease is taken, which also shows that the store takes writes before a refresh token is spent;
 * 3. what an earlier holder left is resolved: it may have spent the token, which the provider can be asked about;
 * 4. the refresh token is spent, and what comes of it is written ({@link spendRefreshToken}).
 *
 * A place in the provider's rate comes before anything that it is asked.
 */
export const refreshConnection = async (
  vault: Vault,
  timing: RefreshTiming,
  request: RefreshRequest,
): Promise<AttemptAnswer> => {
  const { user, platform, tokenVersion, forced } = request;
  const found = await vault.store.readConnection(user, platform);
  const settled = withoutLease(vault, request, found);
  if (settled !== null) return settled;
  const of = { user, platform, owner: vault.uuid() };
  const claimed = await vault.store.claim({ ...of, tokenVersion, ttlMs: timing.claimedMs });
  if (claimed.kind === 'held') return { kind: 'held' };
  if (claimed.kind === 'changed') return asItIs(vault, request);
  const lease = keepLease(vault.store, of, timing, vault.now);
  try {
    const { user: row, record } = await vault.store.readConnection(user, platform).catch(giveBackAnd(vault, of));
    const may = record === null ? null : mayRefresh(record, vault.providers.terms(platform), vault.now(), forced);
    if (row === null || record === null || record.tokenVersion !== tokenVersion || may?.kind !== 'yes') {
      await vault.store.release(of);
      return asItIs(vault, request);
    }
    return await underLease(vault, timing, request, { lease, row, record, terms: may.terms, before: claimed.before });
  } finally {
    lease.stop();
  }
};

/** What can be said without taking the lease; null: there is something to refresh. */
const withoutLease = (
  vault: Vault,
  { platform, tokenVersion, forced }: RefreshRequest,
  { user, record }: Awaited<ReturnType<Vault['store']['readConnection']>>,
): AttemptAnswer | null => {
  if (user === null || record === null) return { kind: 'gone' };
  if (record.tokenVersion !== tokenVersion) return { kind: 'renewed', user, record };
  const may = mayRefresh(record, vault.providers.terms(platform), vault.now(), forced);
  if (may.kind === 'yes') return null;
  return may.kind === 'kept' ? { kind: 'kept', record } : { ...may, limit: 'interval', record };
};

const asItIs = async (vault: Vault, request: RefreshRequest): Promise<AttemptAnswer> => {
  const found = await vault.store.readConnection(request.user, request.platform);
  return withoutLease(vault, request, found) ?? { kind: 'held' };
};

interface LeasedConnection {
  readonly lease: KeptLease;
  readonly row: UserRow;
  readonly record: ConnectionRecord;
  readonly terms: RefreshTerms;
  /** Of whoever died over it. */
  readonly before: Lease | null;
}

const underLease = async (
  vault: Vault,
  timing: RefreshTiming,
  request: RefreshRequest,
  { lease, row, record, terms, before }: LeasedConnection,
): Promise<AttemptAnswer> => {
  const { providers } = vault;
  const since = unknownSince(record, before, { ...timing, refreshTimeoutMs: providers.refreshTimeoutMs });
  const attempt: Attempt = { terms, askedAt: vault.now(), unknownSince: since, now: vault.now() };
  const first = firstStep(terms, since, vault.now());
  const persist = (outcome: Refused) => persistRefused(vault, timing, request, { lease, outcome, attempt });
  if (first === 'give_up') return answerOf(vault, request, await persist(SPENT));
  const place = await providers.admit(request.platform).catch(giveBackAnd(vault, lease.of));
  if (!place.ok) {
    await vault.store.release(lease.of);
    return { kind: 'later', limit: 'rate', record, retryAfterMs: place.retryAfterMs };
  }
  const refresh = await openedRefresh(vault, request, row, record).catch(giveBackAnd(vault, lease.of));
  try {
    const spend = (by: Attempt) => spendRefreshToken(vault, timing, request, { lease, record, refresh, attempt: by });
    if (first === 'send') return await answerOf(vault, request, await spend(attempt));
    const spentOrNot = await askAbout(vault, request, record, refresh);
    if (spentOrNot === 'unspent')
      return await answerOf(vault, request, await spend({ ...attempt, unknownSince: null }));
    return await answerOf(vault, request, await persist(spentOrNot === 'spent' ? SPENT : NOT_INTROSPECTED));
  } finally {
    refresh.wipe();
  }
};

const SPENT: Refused = { kind: 'grant_dead', reason: 'outcome_unknown' };
const NOT_INTROSPECTED: Refused = { kind: 'transient', reason: 'introspection_failed', retryAfterMs: null };

/**
 * Asks the provider about a refresh token that may be spent. It spends nothing, so the lease does not say `called` yet: who
 * dies meanwhile leaves what was found.
 *
 * A request of before can't be on its way any more. Who lost the lease sent nothing in the last of its time that the provider
 * may take (`keep-lease.ts`), and who wrote down that it got no answer has waited for one. Should a provider act upon a request
 * after that all the same, its word is outdated and the token is used twice: then the user has to connect anew, which is what
 * giving up comes to at once.
 */
const askAbout = (
  { providers }: Vault,
  { platform }: RefreshRequest,
  { metadata }: ConnectionRecord,
  refresh: Secret,
): Promise<SpentOrNot> => providers.introspect(platform, refresh, metadata.params);

const openedRefresh = async (
  vault: Vault,
  { user, platform }: RefreshRequest,
  row: UserRow,
  record: ConnectionRecord,
): Promise<Secret> => {
  const opened = openRefresh(await vault.keys.keyOf(user, row.dataKey), { user, platform }, record);
  if (opened === null) throw new Error('there is no refresh token to renew with');
  return opened;
};

const answerOf = (
  vault: Vault,
  request: RefreshRequest,
  committed: CommitResult,
): Promise<AttemptAnswer> | AttemptAnswer => {
  if (committed.kind !== 'written') return asItIs(vault, request);
  const { user, record } = committed;
  return record.tokenVersion === request.tokenVersion ? { kind: 'kept', record } : { kind: 'renewed', user, record };
};
