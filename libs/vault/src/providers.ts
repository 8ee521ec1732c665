import type { Secret } from '@vault-engine/crypto';
import type { PlatformId } from '@vault-engine/model';
import type { ConnectionMetadata } from './connection-record.ts';
import type { CircuitStore } from './refresh/circuit.ts';

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
  /** Names platform and client in the state that all processes share; it changes with the client id, and does not show it. */
  readonly circuit: string;
  readonly verdict: VerdictTerms;
}

/** When a refusal of the grant is believed. */
export interface VerdictTerms {
  /** When a refused grant is asked for again, milliseconds after the first refusal, ascending. */
  readonly confirmAfterMs: readonly number[];
  /** When the user is asked at the latest if the refusals go on and no other connection tells, milliseconds after the first. */
  readonly askUserAfterMs: number;
}

/** Credentials from a successful refresh. */
export interface RefreshedCredentials {
  readonly access: Secret;
  /** Null: the old one stays valid (RFC 6749 §6). */
  readonly refresh: Secret | null;
  readonly expiresAt: number | null;
  /** Unix milliseconds; `never`: the provider says that it does not expire; null: not stated. */
  readonly refreshExpiresAt: number | 'never' | null;
  /** `refreshExpiresAt` is the profile's assumption, and nobody stated it. */
  readonly endIsAssumed?: boolean;
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

/** The outcome of one refresh request. */
export type RefreshOutcome = ({ readonly kind: 'renewed' } & RefreshedCredentials) | RotatedOnly | FailedRefresh;

/** A refresh request that brought no credentials, as it was observed. What it proves is for `judge-answer.ts` to say. */
export interface FailedRefresh {
  readonly kind: 'failed';
  /**
   * Who answered. `not_sent`: the provider has not seen the request. `provider`: the provider itself, by an error in a form that
   * its profile describes. `front`: an HTTP status without such an error, which a gateway may have sent. `none`: no answer, or an
   * unreadable success.
   */
  readonly answeredBy: 'not_sent' | 'provider' | 'front' | 'none';
  /**
   * What the answer says, if it is believed: the grant is gone, this deployment is at fault (registration, profile, network), or a
   * later attempt may help.
   */
  readonly says: 'grant_dead' | 'application_fault' | 'transient' | 'throttled';
  /** From a closed list of the adapter. */
  readonly reason: string;
  /** The HTTP status; null: there was none. */
  readonly status: number | null;
  /** The provider's error code, if it is a word of `a-z` and `_` or one that the profile lists; its description never. */
  readonly code: string | null;
  /** The provider's `Retry-After`, milliseconds; null: none. */
  readonly retryAfterMs: number | null;
}

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
  readonly circuits: CircuitStore;
  revoke(
    platform: PlatformId,
    tokens: {
      readonly access: Secret | null;
      readonly refresh: Secret | null;
      /** Where only access tokens can be revoked, an expired one is refreshed first. */
      readonly accessExpired?: boolean;
    },
    params: ConnectionMetadata['params'],
    clientId?: string | null,
  ): Promise<RevokeOutcome>;
  identify(platform: PlatformId, access: Secret, params: ConnectionMetadata['params']): Promise<Identified>;
}
