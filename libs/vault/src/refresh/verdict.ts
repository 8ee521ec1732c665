import type { DeadReason, FailingReason } from '@vault-engine/model';
import type { Condition } from '../connection-record.ts';
import type { FailedRefresh, SpentOrNot } from '../providers.ts';
import type { PlatformHealth } from './circuit.ts';
import { type Evidence, maySendAgain, tokenAfter } from './judge-answer.ts';

/** A failed attempt. Times are Unix milliseconds. */
export interface Attempt extends Evidence {
  readonly failed: FailedRefresh;
  /** When the refresh token was sent. */
  readonly askedAt: number;
  /** What introspection said after a refusal; `unknown` also where it was not asked. */
  readonly introspected: SpentOrNot;
  /** How the other connections of the platform and client do. */
  readonly health: PlatformHealth;
  readonly now: number;
}

type Failing = Extract<Condition, { kind: 'failing' }>;
type Suspicion = NonNullable<Failing['suspicion']>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The condition of a connection after a failed refresh.
 *
 * ```
 *              refused ───────────────▶ suspect (failing, with a suspicion)
 *  good ──┤                                │ refused again at each time of `confirm_after`, and
 *              anything else ─▶ failing    │ · others succeed meanwhile, or introspection says inactive, or
 *                                 │        │ · `ask_user_after` has passed
 *                                 │        ▼
 *                                 └────▶ dead ── asked again once a day ──▶ good
 *                        alone among healthy neighbours for {@link ALONE_MS}
 * ```
 *
 * Three things keep a connection from being called dead: an incident of its platform and client, a client without any success so
 * far (its refusals are the operator's), and a refusal that nobody confirms.
 */
export const conditionAfter = (earlier: Condition, attempt: Attempt): Condition => {
  const { failed, now, health } = attempt;
  const token = tokenAfter(failed, attempt);
  const unknownSince = token === 'unspent' ? null : (attempt.unknownSince ?? attempt.askedAt);
  const before = earlier.kind === 'failing' ? earlier : null;
  const failures = (before?.failures ?? 0) + (health.incident === null || before === null ? 1 : 0);
  const { status, code } = failed;
  const facts = {
    since: before?.since ?? now,
    failures,
    retryAt: now + attempt.terms.backoff(Math.max(failures, 1), failed.retryAfterMs),
    unknownSince,
    ...(status !== null && { answer: { status, code } }),
  };
  if (unknownSince !== null) {
    const lost = afterLostAnswer(attempt, { ...attempt, unknownSince }, facts);
    if (lost !== null) return lost;
  }
  // A recheck without success leaves the verdict.
  if (earlier.kind === 'dead') return dead(earlier, earlier.reason, attempt);
  const suspicion = suspicionAfter(before, attempt);
  if (suspicion !== null && failed.says === 'grant_dead') {
    const deadReason: DeadReason = unknownSince === null ? 'grant_refused' : 'outcome_unknown';
    if (isBelieved(suspicion, before, attempt)) return dead(earlier, deadReason, attempt);
    const confirm = confirmAt(suspicion.since, attempt);
    // An incident's own probes decide when its connections are asked for; after it they are soon.
    const at = health.incident === null ? confirm : Math.min(confirm, now + INCIDENT_RETRY_MS);
    const retryAt = Math.max(at, now + (failed.retryAfterMs ?? 0));
    return { kind: 'failing', ...facts, reason: deadReason, retryAt, suspicion: { ...suspicion, lastAt: now } };
  }
  if (isAlone(before, attempt)) return dead(earlier, 'grant_refused', attempt);
  const failing: Failing = { kind: 'failing', ...facts, reason: reasonOf(attempt, unknownSince) };
  return suspicion === null ? failing : { ...failing, suspicion };
};

const INCIDENT_RETRY_MS = 120_000;

/** Introspection is tried for this time before the user has to help. */
const INTROSPECT_MS = HOUR_MS;
const SOONEST_MS = 2_000;

/**
 * A refresh token that may be spent and can't be sent again for ever; null: it can be. Within a grace, each attempt leaves half of
 * the rest for further ones. After it introspection is tried, for a time. Else the user has to help, at once: nothing is left to
 * try.
 */
const afterLostAnswer = (
  { health, now }: Attempt,
  evidence: Evidence & { readonly unknownSince: number },
  facts: Omit<Failing, 'kind' | 'reason'>,
): Condition | null => {
  const { terms, unknownSince: since } = evidence;
  const failing = (retryAt: number): Failing => ({ kind: 'failing', ...facts, reason: 'outcome_unknown', retryAt });
  if (maySendAgain({ ...evidence, terms: { ...terms, graceMs: 0 } }, now)) return null;
  const graceEndsAt = since + terms.graceMs;
  const inGrace = Math.max(Math.min(facts.retryAt, Math.floor(now + (graceEndsAt - now) / 2)), now + SOONEST_MS);
  if (maySendAgain(evidence, inGrace)) return failing(inGrace);
  if (terms.canIntrospect && facts.retryAt < since + INTROSPECT_MS) return failing(facts.retryAt);
  return health.incident === null ? { kind: 'dead', reason: 'outcome_unknown', since: now } : failing(facts.retryAt);
};

/** When a connection was first refused, if it is suspect. An incident starts no suspicion, and a client on probation none. */
const suspicionAfter = (before: Failing | null, { failed, health, now }: Attempt): Suspicion | null => {
  if (before?.suspicion !== undefined) return before.suspicion;
  return failed.says === 'grant_dead' && health.proven && health.incident === null ? { since: now, lastAt: now } : null;
};

/** Introspection that calls a refused token active makes this the time until the user is asked: the provider contradicts itself. */
const CONTRADICTED_MS = DAY_MS;

const isBelieved = (
  { since, lastAt }: Suspicion,
  before: Failing | null,
  { terms, health, introspected, now }: Attempt,
): boolean => {
  if (!health.proven || health.incident !== null || before?.suspicion === undefined) return false;
  const elapsed = now - since;
  if (introspected === 'unspent') return elapsed >= CONTRADICTED_MS;
  if (elapsed >= terms.verdict.askUserAfterMs) return true;
  const confirmed = elapsed >= (terms.verdict.confirmAfterMs.at(-1) ?? 0);
  return confirmed && (introspected === 'spent' || (health.lastSuccessAt ?? 0) > lastAt);
};

/** The next time of the schedule; after its last one, hourly. */
const confirmAt = (since: number, { terms, now }: Attempt): number => {
  const next = terms.verdict.confirmAfterMs.map((after) => since + after).find((at) => at > now);
  return next ?? Math.min(now + HOUR_MS, Math.max(since + terms.verdict.askUserAfterMs, now + SOONEST_MS));
};

/**
 * How long a connection fails alone among healthy neighbours before its user is asked, whatever the answer says. `refused`: an
 * answer that looks like a refusal of the grant (400, 401, 403). `other`: any other answer. A request without an answer, and a
 * throttled one, never ask. The next attempt after the time decides, so the times are shorter than a day and a week.
 */
export const ALONE_MS = { refused: 20 * HOUR_MS, other: 6 * DAY_MS };

const isAlone = (before: Failing | null, { failed, health, now }: Attempt): boolean => {
  if (before === null || !health.proven || health.incident !== null) return false;
  const { status, says } = failed;
  if (status === null || says === 'throttled' || failed.answeredBy === 'none') return false;
  const bound = status >= 400 && status <= 403 ? ALONE_MS.refused : ALONE_MS.other;
  return now - before.since >= bound && (health.lastSuccessAt ?? 0) > before.since + bound / 2;
};

/** A dead connection is asked for again at this interval, for this long: no verdict is final. */
const RECHECK = { everyMs: DAY_MS, forMs: 30 * DAY_MS };

const dead = (earlier: Condition, reason: DeadReason, { failed, now }: Attempt): Condition => {
  const verdict = earlier.kind === 'dead' ? earlier : { kind: 'dead' as const, reason, since: now };
  const { recheckAt: _, ...kept } = verdict;
  const recheckAt = now + RECHECK.everyMs;
  const isUnspent = kept.reason === 'grant_refused';
  return {
    ...kept,
    ...(isUnspent && recheckAt < kept.since + RECHECK.forMs && { recheckAt }),
    ...(failed.status !== null && { answer: { status: failed.status, code: failed.code } }),
  };
};

const reasonOf = ({ failed, health }: Attempt, unknownSince: number | null): FailingReason => {
  // An answer that blames this deployment is shown as such also where nobody knows whether the provider sent it.
  if (unknownSince !== null && failed.says !== 'application_fault') return 'outcome_unknown';
  switch (failed.says) {
    case 'throttled':
      return 'provider_throttles';
    case 'application_fault':
      return 'provider_misconfigured';
    case 'transient':
      return 'provider_unavailable';
    case 'grant_dead':
      // Nobody else is refused because of one user's grant.
      return health.proven ? 'provider_unavailable' : 'provider_misconfigured';
  }
};
