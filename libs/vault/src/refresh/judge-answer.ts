import type { ConnectionRecord, Grant, Lease } from '../connection-record.ts';
import type { FailedRefresh, RefreshTerms } from '../providers.ts';
import { isOver } from './schedule.ts';

/** What is known of a refresh token after a request: it is still accepted, it is used up, or nobody can tell. */
export type TokenState = 'unspent' | 'spent' | 'unknown';

/** What was known before a request, beside its answer. Times are Unix milliseconds. */
export interface Evidence {
  readonly terms: RefreshTerms;
  /** The connection's own history. */
  readonly rotation: Grant['rotation'];
  /** When the refresh token was first sent without a proof of what became of it; null: it is unspent. */
  readonly unknownSince: number | null;
}

/**
 * What a failed refresh proves of the refresh token. The first row that fits counts.
 *
 * | observed | and | the refresh token is | because |
 * |---|---|---|---|
 * | anything | a second use is harmless here ({@link reuseHere}) | unspent | it never becomes unusable by use |
 * | not sent | it was unspent | unspent | the provider saw nothing |
 * | not sent | it was unknown | unknown | this request tells nothing of the earlier one |
 * | the provider's own error | it was unspent | unspent | an error response issues no tokens (RFC 6749 §5.2) |
 * | the provider's own error: the grant is dead | it was unknown | spent | the earlier request has used it up |
 * | the provider's own error, another one | it was unknown | unknown | it does not speak of the refresh token |
 * | a status without the provider's error | – | unknown | a gateway answers 502, 504, 524, a redirect or HTML also after the provider has rotated |
 * | no answer, a cut one, an unreadable success | – | unknown | the tokens may be in the lost part |
 *
 * A gateway may also answer 502 or 503 before the provider sees the request. Then sending the token again at once would save a
 * connection whose grant ends by reuse, and this table asks its user. But the status does not tell the two cases apart, and the
 * second send ends the grant in the other case. The connection's history, a grace and introspection decide first.
 */
export const tokenAfter = (failed: FailedRefresh, { terms, rotation, unknownSince: earlier }: Evidence): TokenState => {
  if (reuseHere(terms, rotation) === 'harmless') return 'unspent';
  switch (failed.answeredBy) {
    case 'not_sent':
      return earlier === null ? 'unspent' : 'unknown';
    case 'provider':
      if (earlier === null) return 'unspent';
      return failed.says === 'grant_dead' ? 'spent' : 'unknown';
    case 'front':
    case 'none':
      return 'unknown';
  }
};

/**
 * What a second use of a refresh token does at this connection. A provider that has never given it a new refresh token does not
 * rotate it, whatever its profile fears; one that has given it a new one rotates, whatever its profile hopes.
 */
export const reuseHere = ({ reuse }: RefreshTerms, rotation: Grant['rotation']): RefreshTerms['reuse'] => {
  if (rotation === 'kept') return 'harmless';
  return rotation === 'rotated' && reuse === 'harmless' ? 'refused' : reuse;
};

/** Whether a refresh token that is unknown since `unknownSince` can be sent again at `now` without harm. */
export const maySendAgain = ({ terms, rotation, unknownSince: since }: Evidence, now: number): boolean =>
  since === null || reuseHere(terms, rotation) !== 'fatal' || now < since + terms.graceMs;

/**
 * The first step of an attempt: send the refresh token, introspect it, or give it up because it may be spent and there is no
 * introspection.
 */
export const firstStep = (evidence: Evidence, now: number): 'send' | 'ask' | 'give_up' => {
  if (maySendAgain(evidence, now)) return 'send';
  return evidence.terms.canIntrospect ? 'ask' : 'give_up';
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

/** Whether a connection may be refreshed now. `kept`: not in its condition; `later`: not yet. */
export type MayRefresh =
  | { readonly kind: 'yes'; readonly terms: RefreshTerms }
  | { readonly kind: 'kept' }
  | { readonly kind: 'later'; readonly retryAfterMs: number };

/** `forced` passes the cool-down, the least interval, a verdict, and an end that was only computed. */
export const mayRefresh = (
  record: ConnectionRecord,
  terms: RefreshTerms | null,
  now: number,
  forced: boolean,
): MayRefresh => {
  const { refresh, condition, grant } = record;
  if (terms === null || refresh === null) return { kind: 'kept' };
  if (forced) return { kind: 'yes', terms };
  if (condition.kind === 'dead' && (condition.recheckAt ?? Number.POSITIVE_INFINITY) > now) return { kind: 'kept' };
  if (condition.kind === 'failing' && condition.retryAt > now) return { kind: 'kept' };
  if (isOver(record, now)) return { kind: 'kept' };
  const retryAfterMs = (grant.refreshedAt ?? Number.NEGATIVE_INFINITY) + leastInterval(record, terms) - now;
  return retryAfterMs > 0 ? { kind: 'later', retryAfterMs } : { kind: 'yes', terms };
};

/** The least interval never keeps a short-lived token from being replaced: it is at most this part of the lifetime seen. */
const INTERVAL_MAX_PART = 1 / 2;

const leastInterval = (
  { storedAt, metadata: { expiresAt } }: ConnectionRecord,
  { minIntervalMs }: RefreshTerms,
): number =>
  expiresAt === null ? minIntervalMs : Math.min(minIntervalMs, Math.max(expiresAt - storedAt, 0) * INTERVAL_MAX_PART);
