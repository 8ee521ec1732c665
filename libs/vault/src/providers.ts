import type { Secret } from '@vault-engine/crypto';
import type { PlatformId } from '@vault-engine/model';
import type { ConnectionMetadata } from './connection-record.ts';

/** The facts that decide when a connection is refreshed next. Times are Unix milliseconds. */
export interface RefreshFacts {
  /** When the credentials were stored or last refreshed. */
  readonly refreshedAt: number;
  readonly hasRefreshToken: boolean;
  readonly expiresAt: number | null;
  readonly refreshExpiresAt: number | null;
}

/** How the connections of one platform are refreshed. */
export interface RefreshTerms {
  /** When a connection is to be refreshed ahead of time, Unix milliseconds; null: never. */
  dueAt(facts: RefreshFacts): number | null;
  /** How long to wait after the `failures`th failure in a row (1 for the first), milliseconds. */
  backoff(failures: number, retryAfterMs: number | null): number;
  /** The least interval between two refreshes of a connection, milliseconds. */
  readonly minIntervalMs: number;
  /** For how long after a rotation the old refresh token is still accepted, milliseconds. */
  readonly graceMs: number;
  /**
   * What a second use of a spent refresh token does after the grace. `harmless`: refresh tokens are never spent. `refused`: it
   * is only refused. `fatal`: the provider may end the grant.
   */
  readonly reuse: 'harmless' | 'refused' | 'fatal';
  /** Whether introspection tells if a refresh token is spent ({@link Providers.introspect}). */
  readonly canIntrospect: boolean;
}

/** Credentials from a successful refresh. */
export interface RefreshedCredentials {
  readonly access: Secret;
  /** Null: the old one stays valid (RFC 6749 §6). */
  readonly refresh: Secret | null;
  readonly expiresAt: number | null;
  /** Unix milliseconds; `never`: the provider says that it does not expire; null: not stated. */
  readonly refreshExpiresAt: number | 'never' | null;
  /** Null: as before (RFC 6749 §5.1). */
  readonly scopes: readonly string[] | null;
  readonly tokenType: string;
  /** Parameters in the answer. Others stay as they are. */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The answer has a new refresh token and no access token that can be stored. The refresh token may be the only one that the
 * provider still accepts, so it is stored first.
 */
export interface RotatedOnly extends Pick<RefreshedCredentials, 'refreshExpiresAt'> {
  readonly kind: 'access_unusable';
  /** Whether an operator can help (the token is too long or no token), or a later answer (there is none). */
  readonly fault: 'provider_misconfigured' | 'provider_unavailable';
  /** From a closed list of the adapter, e.g. `access_token_too_long`. */
  readonly reason: string;
  readonly refresh: Secret;
}

/** The outcome of one refresh request. `reason` is from a closed list of the adapter. */
export type RefreshOutcome =
  | ({ readonly kind: 'renewed' } & RefreshedCredentials)
  | RotatedOnly
  /** The provider says that the grant is gone. */
  | { readonly kind: 'grant_dead'; readonly reason: string }
  /** Registration, profile or network of this deployment is wrong. It says nothing about the connection. */
  | { readonly kind: 'application_fault'; readonly reason: string }
  | { readonly kind: 'transient'; readonly reason: string; readonly retryAfterMs: number | null }
  | { readonly kind: 'throttled'; readonly reason: string; readonly retryAfterMs: number }
  /** The request was sent without a usable answer: the refresh token may be spent. */
  | { readonly kind: 'unknown_outcome'; readonly reason: string };

/**
 * What introspection says of a refresh token. `spent`: it is no longer accepted, whether used or revoked. `unknown`: there is
 * no introspection, or no answer.
 */
export type SpentOrNot = 'spent' | 'unspent' | 'unknown';

/** Checked right before a request is sent: an aborted request is not sent. An `AbortSignal` is one. */
export interface Cancellation {
  readonly aborted: boolean;
}

/** The outcome of a revocation at the provider. */
export type RevokeOutcome =
  | { readonly kind: 'revoked' }
  /** The provider has no revocation, or no client is configured. */
  | { readonly kind: 'not_supported' }
  | { readonly kind: 'failed'; readonly reason: string };

/** The upstream account of a token; null: the platform has no identity endpoint. */
export type Identified =
  | { readonly ok: true; readonly value: string | null }
  | { readonly ok: false; readonly reason: string };

/** The providers, as the domain uses them. No method rejects for anything that a provider or a network does. */
export interface Providers {
  /** Null: connections are not refreshed, because there is no such platform or no client is configured for it. */
  terms(platform: PlatformId): RefreshTerms | null;
  /** The client id that the provider issues new grants to; null: no client is configured. */
  clientId(platform: PlatformId): string | null;
  /**
   * Takes one token of the platform's rate, which all processes share. A refusal says when there is the next one. Rejects with
   * `PortUnavailable` (`storage`).
   */
  admit(platform: PlatformId): Promise<{ readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number }>;
  /** Runs `work` once this process has fewer refreshes of the platform under way than the profile's limit. */
  inTurn<T>(platform: PlatformId, work: () => Promise<T>): Promise<T>;
  /**
   * One request within {@link Providers.refreshTimeoutMs}. It is repeated only where the provider has refused the client's secret and
   * the client has an earlier one.
   *
   * @param clientId The client that the grant belongs to; null: the current one.
   */
  refresh(
    platform: PlatformId,
    refreshToken: Secret,
    params: ConnectionMetadata['params'],
    cancelled: Cancellation,
    clientId?: string | null,
  ): Promise<RefreshOutcome>;
  /** Asks whether a refresh token is spent, without spending it: one request within {@link Providers.refreshTimeoutMs}. */
  introspect(
    platform: PlatformId,
    refreshToken: Secret,
    params: ConnectionMetadata['params'],
    clientId?: string | null,
  ): Promise<SpentOrNot>;
  /** The longest time of a {@link Providers.refresh}, milliseconds. */
  readonly refreshTimeoutMs: number;
  revoke(
    platform: PlatformId,
    tokens: { readonly access: Secret | null; readonly refresh: Secret | null },
    params: ConnectionMetadata['params'],
    clientId?: string | null,
  ): Promise<RevokeOutcome>;
  identify(platform: PlatformId, access: Secret, params: ConnectionMetadata['params']): Promise<Identified>;
}
