import { createHash } from 'node:crypto';
import type { PlatformId, Providers, RefreshFacts, RefreshTerms } from '@vault-engine/vault';
import pLimit, { type LimitFunction } from 'p-limit';
import type { ClientCredentials } from './client-credentials.ts';
import { fetchIdentity } from './fetch-identity.ts';
import type { Outbound } from './outbound/open-outbound.ts';
import type { PlatformProfile, ProfileCatalog } from './platform-catalog.ts';
import type { Registration } from './provider-request.ts';
import { backoff } from './refresh/backoff.ts';
import { dueAt, type RandomFraction } from './refresh/due-at.ts';
import { introspectRefreshToken } from './refresh/introspect-refresh-token.ts';
import { refreshGrant } from './refresh/refresh-grant.ts';
import { revokeGrant } from './revoke-grant.ts';

/** Shares the rates of platforms among all processes. Rejects with `PortUnavailable` (`storage`). */
export interface SharedRate {
  /** Takes one of `perMinute` places; a refusal says after how many milliseconds there may be one. */
  take(platform: PlatformId, perMinute: number): ReturnType<Providers['admit']>;
}

/** What the providers are reached with. */
export interface ProvidersOptions {
  readonly catalog: ProfileCatalog;
  /** Platforms without an entry are not renewed here. */
  readonly clients: ReadonlyMap<PlatformId, ClientCredentials>;
  readonly outbound: Outbound;
  readonly rate: SharedRate;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: RandomFraction;
}

/** The domain's {@link Providers}, by the profiles. */
export const openProviders = (options: ProvidersOptions): Providers => {
  const { catalog, clients, outbound, rate, now, random } = options;
  const deps = { outbound, now };
  const registered = (platform: PlatformId): Registration | null => {
    const [profile, client] = [catalog.profile(platform), clients.get(platform)];
    return profile === null || client === undefined ? null : { profile, client };
  };
  const turns = new Map<PlatformId, LimitFunction>();
  const turnsOf = (platform: PlatformId): LimitFunction => {
    const turn = turns.get(platform) ?? pLimit(catalog.profile(platform)?.limits.concurrency ?? 1);
    turns.set(platform, turn);
    return turn;
  };
  return {
    terms: (platform) => {
      const registration = registered(platform);
      return registration === null ? null : refreshTerms(registration.profile, random);
    },
    admit: async (platform) => {
      const perMinute = catalog.profile(platform)?.limits.per_minute ?? null;
      return perMinute === null ? { ok: true } : rate.take(platform, perMinute);
    },
    inTurn: (platform, work) => turnsOf(platform)(work),
    // An answer without a lifetime may be followed by a question for it.
    refreshTimeoutMs: 2 * outbound.timeoutMs,
    refresh: async (platform, refreshToken, params, cancelled) => {
      const registration = registered(platform);
      if (registration === null) return { kind: 'application_fault', reason: 'not_registered' };
      const { profile, client } = registration;
      return refreshGrant(profile, client, refreshToken, { ...deps, cancelled }, params);
    },
    introspect: async (platform, refreshToken, params) => {
      const registration = registered(platform);
      return registration === null ? 'unknown' : introspectRefreshToken(registration, refreshToken, params, deps);
    },
    revoke: async (platform, tokens, params) => {
      const registration = registered(platform);
      return registration === null
        ? { kind: 'not_supported' }
        : revokeGrant(registration.profile, registration.client, tokens, deps, params);
    },
    identify: async (platform, access, params) => {
      const registration = registered(platform);
      return registration === null
        ? { ok: true, value: null }
        : fetchIdentity(registration.profile, access, deps, params);
    },
  };
};

/** How the connections of a platform are renewed by whoever is registered with it. */
export const refreshTerms = (profile: PlatformProfile, random: RandomFraction): RefreshTerms => {
  const { rotation, refresh, introspection } = profile;
  return {
    dueAt: (facts) => dueAt({ ...facts, expiresAt: expiryOf(profile, facts) }, profile, () => shareOf(facts)),
    backoff: (failures, retryAfterMs) => backoff(failures, retryAfterMs, random),
    minIntervalMs: refresh.min_interval_s * 1_000,
    graceMs: rotation.grace_s * 1_000,
    reuse: reuseOf(rotation),
    canIntrospect: introspection?.refresh_tokens === true,
  };
};

/** Whoever stored the token may not have said when it lapses: it is refreshed as the provider's tokens usually have to be. */
const expiryOf = ({ access }: PlatformProfile, { expiresAt, refreshedAt }: RefreshFacts): number | null => {
  if (expiresAt !== null || access.none_means === 'never' || access.default_ttl_s === null) return expiresAt;
  return refreshedAt + access.default_ttl_s * 1_000;
};

/**
 * A number in [0, 1) for the jitter, always the same for the same credentials: whoever attends to a connection finds it due
 * when the index did.
 */
const shareOf = ({ refreshedAt, expiresAt, refreshExpiresAt }: RefreshFacts): number =>
  createHash('sha256').update(`${refreshedAt}:${expiresAt}:${refreshExpiresAt}`).digest().readUInt32BE() / 2 ** 32;

/** Nobody knows what an unknown provider does that always rotates: what may end the user's grant is not tried. */
const reuseOf = ({ mode, on_reuse: onReuse }: PlatformProfile['rotation']): RefreshTerms['reuse'] => {
  if (mode === 'never') return 'harmless';
  if (onReuse === 'reject') return 'refused';
  return onReuse === 'unknown' && mode === 'optional' ? 'refused' : 'fatal';
};
