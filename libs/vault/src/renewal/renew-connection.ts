import type { Secret } from '@vault-engine/crypto';
import { toldOf } from '../attention.ts';
import { auditOf, type Vault } from '../call.ts';
import { openRefresh, type RecordName } from '../credentials.ts';
import type { ErrorCode } from '../errors.ts';
import type { Condition, ConnectionRecord, Lease, UserRow } from '../model.ts';
import type { RefreshOutcome, RenewalTerms } from '../providers.ts';
import type { Concluded } from './conclude.ts';
import { type Attempt, conditionAfter, mayRenew, maySendAgain, type Refused, unknownSince } from './decide-renewal.ts';
import { type KeptLease, keepLease, type LeaseTimes } from './keep-lease.ts';
import { giveBack, giveBackAnd, throughOutages } from './outages.ts';
import { persistRefused, persistRenewed } from './persist-outcome.ts';
import type { RenewalAnswer, RenewalRequest } from './renewer.ts';

/** What renewing works with, beside the vault. */
export interface RenewalTiming extends LeaseTimes {
  /** A dead grant is asked for once more after this, milliseconds: some providers say so and do not mean it. */
  readonly confirmMs: number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** One attempt's answer. `held`: another process has the lease. */
export type RenewedOnce = Exclude<RenewalAnswer, { kind: 'busy' }> | { readonly kind: 'held' };

/**
 * Refreshes a connection once, under its lease:
 * 1. whether there is anything to refresh, and whether now;
 * 2. the lease is taken, which also shows that the store takes writes before a refresh token is spent;
 * 3. what an earlier holder left is resolved: it may have spent the token;
 * 4. a place in the provider's rate; the intent is in the audit log; the lease says `called`;
 * 5. the provider is asked;
 * 6. what it answered is written in one step: credentials or condition, transition, due index, and the end of the lease.
 */
export const renewConnection = async (
  vault: Vault,
  timing: RenewalTiming,
  request: RenewalRequest,
): Promise<RenewedOnce> => {
  const { user, platform, tokenVersion, forced } = request;
  const found = await vault.store.readConnection(user, platform);
  const settled = withoutLease(vault, request, found);
  if (settled !== null) return settled;
  const of = { user, platform, owner: vault.uuid() };
  const claimed = await vault.store.claim({ ...of, tokenVersion, ttlMs: timing.claimedMs });
  if (claimed.kind === 'held') return { kind: 'held' };
  if (claimed.kind === 'changed') return asItIs(vault, request);
  const lease = keepLease(vault.store, of, timing);
  try {
    const { user: row, record } = await vault.store.readConnection(user, platform).catch(giveBackAnd(vault, of));
    const may = record === null ? null : mayRenew(record, vault.providers.terms(platform), vault.now(), forced);
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
  { platform, tokenVersion, forced }: RenewalRequest,
  { user, record }: Awaited<ReturnType<Vault['store']['readConnection']>>,
): RenewedOnce | null => {
  if (user === null || record === null) return { kind: 'gone' };
  if (record.tokenVersion !== tokenVersion) return { kind: 'renewed', user, record };
  const may = mayRenew(record, vault.providers.terms(platform), vault.now(), forced);
  if (may.kind === 'yes') return null;
  return may.kind === 'kept' ? { kind: 'kept', record } : { ...may, limit: 'interval', record };
};

const asItIs = async (vault: Vault, request: RenewalRequest): Promise<RenewedOnce> => {
  const found = await vault.store.readConnection(request.user, request.platform);
  return withoutLease(vault, request, found) ?? { kind: 'held' };
};

interface Held {
  readonly lease: KeptLease;
  readonly row: UserRow;
  readonly record: ConnectionRecord;
  readonly terms: RenewalTerms;
  readonly before: Lease | null;
}

const underLease = async (
  vault: Vault,
  timing: RenewalTiming,
  request: RenewalRequest,
  held: Held,
): Promise<RenewedOnce> => {
  const { providers } = vault;
  const { lease, record, terms } = held;
  const name = { user: request.user, platform: request.platform };
  const since = unknownSince(record, held.before, { ...timing, refreshTimeoutMs: providers.refreshTimeoutMs });
  const attempt: Attempt = { terms, askedAt: vault.now(), unknownSince: since, now: vault.now() };
  if (!maySendAgain(terms, since, vault.now()))
    return refused(vault, timing, request, held, { kind: 'grant_dead', reason: 'outcome_unknown' }, attempt);
  const place = await providers.admit(request.platform).catch(giveBackAnd(vault, lease.of));
  if (!place.ok) {
    await vault.store.release(lease.of);
    return { kind: 'later', limit: 'rate', record, retryAfterMs: place.retryAfterMs };
  }
  const opened = await openedRefresh(vault, name, held).catch(giveBackAnd(vault, lease.of));
  try {
    await intend(vault, request, name, record).catch(giveBackAnd(vault, lease.of));
    if (!(await called(vault, timing, lease))) return asItIs(vault, request);
    const askedAt = vault.now();
    const outcome = await ask(vault, timing, request, held, opened);
    if (outcome === null) return asItIs(vault, request);
    if (outcome.kind === 'renewed') {
      const concluded = await persistRenewed(vault, timing, request, { lease, outcome, refresh: opened });
      return answerOf(vault, request, concluded);
    }
    return await refused(vault, timing, request, held, outcome, { ...attempt, askedAt, now: vault.now() });
  } finally {
    opened.wipe();
  }
};

const openedRefresh = async (vault: Vault, name: RecordName, { row, record }: Held): Promise<Secret> => {
  const opened = openRefresh(await vault.keys.keyOf(name.user, row.dataKey), name, record);
  if (opened === null) throw new Error('there is no refresh token to renew with');
  return opened;
};

/** Where the answer is lost the lease may say so already, and nobody was asked: that must not look like a token spent. */
const called = async (vault: Vault, timing: RenewalTiming, lease: KeptLease): Promise<boolean> => {
  try {
    return await lease.called();
  } catch (error) {
    await throughOutages(timing, () => giveBack(vault, lease.of));
    throw error;
  }
};

const intend = async (vault: Vault, { actor }: RenewalRequest, name: RecordName, record: ConnectionRecord) => {
  const about = { ...name, recordVersion: record.version };
  const entry = auditOf(vault, { ...actor, action: 'RefreshToken' }, 'started', about);
  await vault.journal.record(vault.journal.encodeAudit(entry));
};

/** Asks the provider; null: the user has connected anew meanwhile. A grant that is said to be dead is asked for twice. */
const ask = async (
  vault: Vault,
  timing: RenewalTiming,
  { user, platform, tokenVersion }: RenewalRequest,
  { lease, record }: Held,
  refresh: Secret,
): Promise<RefreshOutcome | null> => {
  const { params } = record.metadata;
  const first = await vault.providers.refresh(platform, refresh, params, lease.lost);
  if (first.kind !== 'grant_dead') return first;
  await timing.sleep(timing.confirmMs);
  const now = await throughOutages(timing, () => vault.store.readConnection(user, platform));
  if (now.record?.tokenVersion !== tokenVersion) return null;
  return vault.providers.refresh(platform, refresh, params, lease.lost);
};

const refused = async (
  vault: Vault,
  timing: RenewalTiming,
  request: RenewalRequest,
  { lease }: Held,
  outcome: Refused,
  attempt: Attempt,
): Promise<RenewedOnce> => {
  const concluded = await persistRefused(vault, timing, lease.of.owner, {
    name: { user: request.user, platform: request.platform },
    actor: request.actor,
    tokenVersion: request.tokenVersion,
    action: 'RefreshToken',
    result: RESULTS[outcome.kind],
    reason: outcome.reason,
    after: (record) => {
      const condition: Condition = conditionAfter(record.condition, outcome, attempt);
      return toldOf({ ...record, condition }, vault.now());
    },
  });
  return answerOf(vault, request, concluded);
};

const RESULTS: Readonly<Record<Refused['kind'], ErrorCode>> = {
  grant_dead: 'expired_token',
  application_fault: 'provider_misconfigured',
  transient: 'provider_unavailable',
  throttled: 'refresh_cooling_down',
  unknown_outcome: 'provider_unavailable',
};

const answerOf = (vault: Vault, request: RenewalRequest, concluded: Concluded): Promise<RenewedOnce> | RenewedOnce => {
  if (concluded.kind !== 'written') return asItIs(vault, request);
  const { user, record } = concluded;
  return record.tokenVersion === request.tokenVersion ? { kind: 'kept', record } : { kind: 'renewed', user, record };
};
