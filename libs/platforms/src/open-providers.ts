import type { PlatformId, Providers } from '@vault-engine/vault';
import pLimit, { type LimitFunction } from 'p-limit';
import type { ClientCredentials } from './client-credentials.ts';
import { fetchIdentity } from './fetch-identity.ts';
import type { Outbound } from './outbound/open-outbound.ts';
import type { ProfileCatalog } from './profiles/platform-catalog.ts';
import type { Registration } from './provider-request.ts';
import { introspectRefreshToken } from './refresh/introspect.ts';
import { refreshGrant } from './refresh/refresh-grant.ts';
import { type RandomFraction, refreshTerms } from './refresh/refresh-terms.ts';
import { revokeGrant } from './revoke-grant.ts';

/** The refresh rates of platforms, shared by all processes. Rejects with `PortUnavailable` (`storage`). */
export interface SharedRate {
  /** Takes one of `perMinute` permits. A refusal has the milliseconds until one may be free. */
  take(platform: PlatformId, perMinute: number): ReturnType<Providers['admit']>;
}

/** Parts of {@link openProviders}. */
export interface ProvidersOptions {
  readonly catalog: ProfileCatalog;
  /** Connections of platforms without an entry are not refreshed by this deployment. */
  readonly clients: ReadonlyMap<PlatformId, ClientCredentials>;
  readonly outbound: Outbound;
  readonly rate: SharedRate;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: RandomFraction;
}

/** The domain's {@link Providers}, implemented by the profiles. */
export const openProviders = (options: ProvidersOptions): Providers => {
  const { catalog, clients, outbound, rate, now, random } = options;
  const deps = { outbound, now };
  const registered = (platform: PlatformId): Registration | null => {
    const [profile, client] = [catalog.profile(platform), clients.get(platform)];
    return profile === null || client === undefined ? null : { profile, client };
  };
  const limits = new Map<PlatformId, LimitFunction>();
  const limitOf = (platform: PlatformId): LimitFunction => {
    const limit = limits.get(platform) ?? pLimit(catalog.profile(platform)?.limits.concurrency ?? 1);
    limits.set(platform, limit);
    return limit;
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
    inTurn: (platform, work) => limitOf(platform)(work),
    // An answer without a lifetime may be followed by an introspection request.
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
