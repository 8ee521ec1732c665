import { createHash } from 'node:crypto';
import type { RefreshFacts, RefreshTerms } from '@vault-engine/vault';
import { type PlatformProfile, refreshLifetimes } from '../profiles/platform-catalog.ts';

/** The refresh terms of a platform, by its profile and the client that is configured for it. */
export const refreshTerms = (profile: PlatformProfile, random: RandomFraction, clientId = ''): RefreshTerms => {
  const { rotation, refresh, introspection, verdict } = profile;
  return {
    dueAt: (facts) => dueAt(assumed(profile, facts), profile, () => jitterOf(facts)),
    backoff: (failures, retryAfterMs) => backoff(failures, retryAfterMs, random),
    minIntervalMs: refresh.min_interval_s * 1_000,
    graceMs: rotation.grace_s * 1_000,
    reuse: reuseOf(rotation),
    canIntrospect: introspection?.refresh_tokens === true,
    circuit: `${profile.id}:${createHash('sha256').update(clientId).digest('hex').slice(0, 16)}`,
    verdict: {
      confirmAfterMs: verdict.confirm_after.map((after) => after * 1_000),
      askUserAfterMs: verdict.ask_user_after * 1_000,
    },
  };
};

/** The facts with the profile's lifetimes where none is known: tokens are used in time before they expire of idleness, too. */
const assumed = (profile: PlatformProfile, facts: RefreshFacts): RefreshFacts => {
  const { idleMs } = refreshLifetimes(profile);
  return {
    ...facts,
    expiresAt: expiryOf(profile, facts),
    refreshExpiresAt: facts.refreshExpiresAt ?? (idleMs === null ? null : facts.refreshedAt + idleMs),
  };
};

/** The expiry of the access token. Where none was stored, the profile's default lifetime applies. */
const expiryOf = ({ access }: PlatformProfile, { expiresAt, refreshedAt }: RefreshFacts): number | null => {
  if (expiresAt !== null || access.none_means === 'never' || access.default_ttl_s === null) return expiresAt;
  return refreshedAt + access.default_ttl_s * 1_000;
};

/**
 * The jitter's fraction in [0, 1). It depends on the credentials alone, so that the due index and the process that handles
 * a due connection compute the same time.
 */
const jitterOf = ({ refreshedAt, expiresAt, refreshExpiresAt }: RefreshFacts): number =>
  createHash('sha256').update(`${refreshedAt}:${expiresAt}:${refreshExpiresAt}`).digest().readUInt32BE() / 2 ** 32;

/** Reuse at a provider that always rotates counts as fatal unless the profile says otherwise: it may end the user's grant. */
const reuseOf = ({ mode, on_reuse: onReuse }: PlatformProfile['rotation']): RefreshTerms['reuse'] => {
  if (mode === 'never' || onReuse === 'accept') return 'harmless';
  if (onReuse === 'reject') return 'refused';
  return onReuse === 'unknown' && mode === 'optional' ? 'refused' : 'fatal';
};

type Policy = {
  readonly policy: Omit<PlatformProfile['policy'], 'flow_s'>;
  readonly refresh: Pick<PlatformProfile['refresh'], 'min_interval_s'>;
};

/** A random number in [0, 1). */
export type RandomFraction = () => number;

/**
 * When a connection is to be refreshed, Unix milliseconds; null: never. The earlier of two times counts: ahead of the access
 * token's expiry, and ahead of the refresh token's idle expiry. Two refreshes are at least {@link leastInterval} apart.
 */
export const dueAt = (facts: RefreshFacts, profile: Policy, random: RandomFraction): number | null => {
  if (!facts.hasRefreshToken) return null;
  const times = [accessDueAt(facts, profile, random), keepAliveAt(facts, profile, random)].filter(
    (time) => time !== null,
  );
  if (times.length === 0) return null;
  return Math.max(Math.min(...times), facts.refreshedAt + leastInterval(facts, profile));
};

/**
 * `min_interval_s`, but at most half of the lifetime seen: a short-lived token is replaced before it expires, too. A token that was
 * stored expired has no lifetime to go by.
 */
const leastInterval = ({ refreshedAt, expiresAt }: RefreshFacts, { refresh }: Policy): number => {
  const interval = refresh.min_interval_s * 1_000;
  if (expiresAt === null || expiresAt <= refreshedAt) return interval;
  return Math.min(interval, Math.floor((expiresAt - refreshedAt) / 2));
};

/**
 * Ahead of the expiry by a margin, `margin_s` but at most a fraction of the lifetime, and by a jitter of at most the margin:
 * connections that were stored together do not fall due together.
 */
const accessDueAt = ({ refreshedAt, expiresAt }: RefreshFacts, { policy }: Policy, random: RandomFraction) => {
  if (expiresAt === null) return null;
  const lifetime = Math.max(expiresAt - refreshedAt, 0);
  const margin = Math.min(policy.margin_s * 1_000, lifetime * policy.margin_max_fraction);
  return ahead(refreshedAt, expiresAt, margin, Math.min(policy.jitter_s * 1_000, margin), random);
};

/**
 * `keepalive_h` ahead of the refresh token's expiry, but not before half of its lifetime. Where a refresh does not extend
 * that lifetime (an absolute limit), the attempts grow closer and stay few.
 */
const keepAliveAt = ({ refreshedAt, refreshExpiresAt }: RefreshFacts, { policy }: Policy, random: RandomFraction) => {
  if (refreshExpiresAt === null) return null;
  const lifetime = Math.max(refreshExpiresAt - refreshedAt, 0);
  const margin = Math.min(policy.keepalive_h * 3_600_000, lifetime / 2);
  return ahead(refreshedAt, refreshExpiresAt, margin, Math.min(policy.jitter_s * 1_000, margin), random);
};

const ahead = (from: number, end: number, margin: number, jitter: number, random: RandomFraction): number =>
  Math.max(Math.floor(end - margin - jitter * random()), from);

const FIRST_MS = 30_000;
const LONGEST_MS = 3_600_000;

/**
 * The wait after the `failures`th failure in a row (1 for the first), in milliseconds. It doubles from half a minute to an
 * hour; half of it is random, so that connections that failed together are not retried together. It is never shorter than
 * the provider's `Retry-After`.
 */
export const backoff = (failures: number, retryAfterMs: number | null, random: RandomFraction): number => {
  const ceiling = Math.min(FIRST_MS * 2 ** Math.min(Math.max(failures, 1) - 1, 30), LONGEST_MS);
  const wait = ceiling / 2 + (ceiling / 2) * random();
  return Math.ceil((retryAfterMs ?? 0) > wait ? (retryAfterMs ?? 0) + (ceiling / 2) * random() : wait);
};
