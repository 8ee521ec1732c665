import {
  type CircuitStore,
  type FailedRefresh,
  memoryCircuits,
  type PlatformId,
  type Providers,
} from '@vault-engine/vault';
import pLimit, { type LimitFunction } from 'p-limit';
import { credentialsFor, type RegisteredClient } from './client-credentials.ts';
import { fetchIdentity } from './fetch-identity.ts';
import type { Outbound } from './outbound/open-outbound.ts';
import type { PlatformProfile, ProfileCatalog } from './profiles/platform-catalog.ts';
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
  readonly clients: ReadonlyMap<PlatformId, RegisteredClient>;
  readonly outbound: Outbound;
  readonly rate: SharedRate;
  /** The health of platforms, shared by all processes; of this process alone where it is left out. */
  readonly circuits?: CircuitStore;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: RandomFraction;
}

const NOT_REGISTERED: FailedRefresh = {
  kind: 'failed',
  answeredBy: 'not_sent',
  says: 'application_fault',
  reason: 'not_registered',
  status: null,
  code: null,
  retryAfterMs: null,
};

/** The domain's {@link Providers}, implemented by the profiles. */
export const openProviders = (options: ProvidersOptions): Providers => {
  const { catalog, clients, outbound, rate, circuits = memoryCircuits(), now, random } = options;
  const deps = { outbound, now };
  const registered = (platform: PlatformId): { profile: PlatformProfile; client: RegisteredClient } | null => {
    const [profile, client] = [catalog.profile(platform), clients.get(platform)];
    return profile === null || client === undefined ? null : { profile, client };
  };
  const limits = new Map<PlatformId, LimitFunction>();
  const limitOf = (platform: PlatformId): LimitFunction => {
    const limit = limits.get(platform) ?? pLimit(catalog.profile(platform)?.limits.concurrency ?? 1);
    limits.set(platform, limit);
    return limit;
  };
  /** The registrations to try for a grant of `clientId`, in order. */
  const registrations = (platform: PlatformId, clientId: string | null | undefined): readonly Registration[] => {
    const found = registered(platform);
    return found === null
      ? []
      : credentialsFor(found.client, clientId ?? null).map((client) => ({ profile: found.profile, client }));
  };
  return {
    terms: (platform) => {
      const found = registered(platform);
      return found === null ? null : refreshTerms(found.profile, random, found.client.id);
    },
    clientId: (platform) => registered(platform)?.client.id ?? null,
    admit: async (platform) => {
      const perMinute = catalog.profile(platform)?.limits.per_minute ?? null;
      return perMinute === null ? { ok: true } : rate.take(platform, perMinute);
    },
    inTurn: (platform, work) => limitOf(platform)(work),
    // An answer without a lifetime is followed by an introspection request.
    refreshTimeoutMs: mostSecrets(clients) * longestTimeout(catalog, outbound) + outbound.timeoutMs,
    circuits,
    refresh: async (platform, refreshToken, params, cancelled, clientId) =>
      untilAccepted(
        registrations(platform, clientId),
        ({ profile, client }) => refreshGrant(profile, client, refreshToken, { ...deps, cancelled }, params),
        isClientRefused,
      ).then((outcome) => outcome ?? NOT_REGISTERED),
    introspect: async (platform, refreshToken, params, clientId) =>
      untilAccepted(
        registrations(platform, clientId),
        (registration) => introspectRefreshToken(registration, refreshToken, params, deps),
        (spent) => spent === 'unknown',
      ).then((spent) => spent ?? 'unknown'),
    revoke: async (platform, tokens, params, clientId) =>
      untilAccepted(
        registrations(platform, clientId),
        ({ profile, client }) => revokeGrant(profile, client, tokens, deps, params),
        isClientRefused,
      ).then((outcome) => outcome ?? { kind: 'not_supported' }),
    identify: async (platform, access, params) => {
      const found = registered(platform);
      return found === null ? { ok: true, value: null } : fetchIdentity(found.profile, access, deps, params);
    },
  };
};

/**
 * Sends a request with each registration in turn until the provider accepts the client: during a roll-over of the client
 * secret it accepts only the new or only the old one. A provider authenticates the client before it looks at the token, so a
 * refused client spends none. Null: there is no registration.
 */
const untilAccepted = async <Outcome>(
  registrations: readonly Registration[],
  send: (registration: Registration) => Promise<Outcome>,
  isRefused: (outcome: Outcome) => boolean,
): Promise<Outcome | null> => {
  let outcome: Outcome | null = null;
  for (const registration of registrations) {
    outcome = await send(registration);
    if (!isRefused(outcome)) break;
  }
  return outcome;
};

const isClientRefused = (outcome: object): boolean => 'reason' in outcome && outcome.reason === 'client_refused';

/** The longest time limit of a token request, milliseconds. */
const longestTimeout = (catalog: ProfileCatalog, { timeoutMs }: Outbound): number =>
  Math.max(timeoutMs, ...catalog.all().map(({ refresh }) => (refresh.timeout_s ?? 0) * 1_000));

/** How many secrets one client has at most. */
const mostSecrets = (clients: ProvidersOptions['clients']): number =>
  Math.max(
    1,
    ...[...clients.values()].flatMap((client) =>
      [client, ...(client.former ?? [])].map(({ id }) => credentialsFor(client, id).length),
    ),
  );
