import type { DeadReason, FailingReason } from '@vault-engine/model';
import type { Condition, ConnectionRecord, Lease } from '../connection-record.ts';
import type { RefreshOutcome, RefreshTerms } from '../providers.ts';
import { isOver } from './schedule.ts';

/** Whether a connection may be refreshed now. `kept`: not in its condition; `later`: not yet. */
export type MayRefresh =
  | { readonly kind: 'yes'; readonly terms: RefreshTerms }
  | { readonly kind: 'kept' }
  | { readonly kind: 'later'; readonly retryAfterMs: number };

/** `forced` passes the cool-down, the least interval, and an end that was only computed. */
export const mayRefresh = (
  record: ConnectionRecord,
  terms: RefreshTerms | null,
  now: number,
  forced: boolean,
): MayRefresh => {
  const { refresh, condition, grant } = record;
  if (terms === null || refresh === null || condition.kind === 'dead') return { kind: 'kept' };
  if (forced) return { kind: 'yes', terms };
  if (condition.kind === 'failing' && condition.retryAt > now) return { kind: 'kept' };
  if (isOver(record, now)) return { kind: 'kept' };
  const retryAfterMs = (grant.refreshedAt ?? -terms.minIntervalMs) + terms.minIntervalMs - now;
  return retryAfterMs > 0 ? { kind: 'later', retryAfterMs } : { kind: 'yes', terms };
};

/** The longest time of a lease after its call began. */
export interface CallTimes {
  readonly leaseMs: number;
  readonly refreshTimeoutMs: number;
}

/**
 * The earliest time at which the refresh token may have been sent without an answer; null: it is unspent. Known from the
 * condition, or from the lease of a process that died in phase `called`.
 */
export const unknownSince = (
  { condition }: Pick<ConnectionRecord, 'condition'>,
  before: Lease | null,
  { leaseMs, refreshTimeoutMs }: CallTimes,
): number | null => {
  if (condition.kind === 'failing' && condition.unknownSince !== null) return condition.unknownSince;
  return before?.phase === 'called' ? before.until - leaseMs - refreshTimeoutMs : null;
};

/** Whether a refresh token that may be spent since `since` can be sent again without harm. */
export const maySendAgain = ({ reuse, graceMs }: RefreshTerms, since: number | null, now: number): boolean =>
  since === null || reuse !== 'fatal' || now < since + graceMs;

/**
 * The first step of an attempt: send the refresh token, introspect it, or give it up because it may be spent and there is no
 * introspection.
 */
export const firstStep = (terms: RefreshTerms, since: number | null, now: number): 'send' | 'ask' | 'give_up' => {
  if (maySendAgain(terms, since, now)) return 'send';
  return terms.canIntrospect ? 'ask' : 'give_up';
};

/** Every outcome without new credentials. */
export type Refused = Exclude<RefreshOutcome, { kind: 'renewed' | 'access_unusable' }>;

/** What an attempt knows. */
export interface Attempt {
  readonly terms: RefreshTerms;
  /** When the refresh token was sent, Unix milliseconds. */
  readonly askedAt: number;
  readonly unknownSince: number | null;
  readonly now: number;
}

/** The condition of a connection after a failed refresh. */
export const conditionAfter = (earlier: Condition, outcome: Refused, attempt: Attempt): Condition => {
  const { terms, now } = attempt;
  const since = sentWithoutAnswer(outcome, attempt);
  if (outcome.kind === 'grant_dead') return dead(since === null ? 'grant_refused' : 'outcome_unknown', now);
  const failures = earlier.kind === 'failing' ? earlier.failures + 1 : 1;
  const retryAt = now + terms.backoff(failures, 'retryAfterMs' in outcome ? outcome.retryAfterMs : null);
  if (since === null) return failing(earlier, failingReason(outcome), { failures, retryAt, now, unknownSince: null });
  const inTime = terms.reuse === 'fatal' ? withinGrace(retryAt, since + terms.graceMs, now) : retryAt;
  if (maySendAgain(terms, since, inTime))
    return failing(earlier, 'outcome_unknown', { failures, retryAt: inTime, now, unknownSince: since });
  return terms.canIntrospect && retryAt < since + ASKED_FOR_MS
    ? failing(earlier, 'outcome_unknown', { failures, retryAt, now, unknownSince: since })
    : dead('outcome_unknown', now);
};

/** How long introspection is tried before the user has to help. */
const ASKED_FOR_MS = 3_600_000;

const SOONEST_MS = 2_000;

/** If a second use after the grace is fatal, each attempt leaves half of the remaining grace for further ones. */
const withinGrace = (retryAt: number, graceEndsAt: number, now: number): number =>
  Math.max(Math.min(retryAt, Math.floor(now + (graceEndsAt - now) / 2)), now + SOONEST_MS);

/** A refusal does not say whether an earlier request has spent the refresh token. */
const sentWithoutAnswer = ({ kind }: Refused, { terms, askedAt, unknownSince: earlier }: Attempt): number | null => {
  if (terms.reuse === 'harmless') return null;
  return earlier ?? (kind === 'unknown_outcome' ? askedAt : null);
};

const dead = (reason: DeadReason, since: number): Condition => ({ kind: 'dead', reason, since });

const failing = (
  earlier: Condition,
  reason: FailingReason,
  { now, ...facts }: { failures: number; retryAt: number; now: number; unknownSince: number | null },
): Condition => ({ kind: 'failing', reason, since: earlier.kind === 'failing' ? earlier.since : now, ...facts });

const failingReason = ({ kind }: Refused): FailingReason => {
  switch (kind) {
    case 'throttled':
      return 'provider_throttles';
    case 'application_fault':
      return 'provider_misconfigured';
    case 'transient':
    case 'unknown_outcome':
    case 'grant_dead':
      return 'provider_unavailable';
  }
};
