import type { Secret } from '@vault-engine/crypto';
import type { ConnectionMetadata, PlatformId } from './model.ts';

/** Facts that the next refresh of a connection is decided by. Times are Unix milliseconds. */
export interface RefreshFacts {
  /** When the credentials were stored or last renewed. */
  readonly refreshedAt: number;
  readonly hasRefreshToken: boolean;
  readonly expiresAt: number | null;
  readonly refreshExpiresAt: number | null;
}

/** How the connections of one platform are renewed. */
export interface RefreshTerms {
  /** When a connection is to be refreshed ahead of time, Unix milliseconds; null: never. */
  dueAt(facts: RefreshFacts): number | null;
  /** How long to wait after the `failures`th failure in a row (1 for the first), milliseconds. */
  backoff(failures: number, retryAfterMs: number | null): number;
  /** No connection is refreshed more often than this, milliseconds. */
  readonly minIntervalMs: number;
  /** For how long after a rotation the old refresh token may be used again, milliseconds. */
  readonly graceMs: number;
  /**
   * What becomes of a second use of a refresh token that may be spent, once the grace is over. `harmless`: it is never
   * spent. `refused`: no more than a refusal. `fatal`: the provider may end what it issued since.
   */
  readonly reuse: 'harmless' | 'refused' | 'fatal';
  /** Whether the provider can be asked if a refresh token is spent ({@link Providers.introspect}). */
  readonly canIntrospect: boolean;
}

/** Credentials that a provider has issued in the place of others. */
export interface RefreshedCredentials {
  readonly access: Secret;
  /** Null: the old one stays in use (RFC 6749 §6). */
  readonly refresh: Secret | null;
  readonly expiresAt: number | null;
  readonly refreshExpiresAt: number | null;
  /** Null: as before (RFC 6749 §5.1). */
  readonly scopes: readonly string[] | null;
  readonly tokenType: string;
  /** Parameters that the answer names; others stay as they are. */
  readonly params: Readonly<Record<string, string>>;
}

/** What spending a refresh token came to. `reason` is from a closed list of the adapter. */
export type RefreshOutcome =
  | ({ readonly kind: 'renewed' } & RefreshedCredentials)
  /** Only the user can help. */
  | { readonly kind: 'grant_dead'; readonly reason: string }
  /** Registration, profile or network of this deployment is wrong. Says nothing about the connection. */
  | { readonly kind: 'application_fault'; readonly reason: string }
  | { readonly kind: 'transient'; readonly reason: string; readonly retryAfterMs: number | null }
  | { readonly kind: 'throttled'; readonly reason: string; readonly retryAfterMs: number }
  /** The request was sent and no usable answer came: the refresh token may be spent. */
  | { readonly kind: 'unknown_outcome'; readonly reason: string };

/**
 * What a provider says of a refresh token. `spent`: it takes it no longer, be it used or revoked. `unknown`: it can't be
 * asked, or has not answered.
 */
export type SpentOrNot = 'spent' | 'unspent' | 'unknown';

/** Looked at right before a request is sent, which is not sent once it is aborted. An `AbortSignal` is one. */
export interface Cancellation {
  readonly aborted: boolean;
}

/** What ending a grant came to. */
export type RevokeOutcome =
  | { readonly kind: 'revoked' }
  /** The provider has no way, or nobody here is registered with it. */
  | { readonly kind: 'not_supported' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Which upstream account a token belongs to; null where the platform has no way to ask. */
export type Identified =
  | { readonly ok: true; readonly value: string | null }
  | { readonly ok: false; readonly reason: string };

/** The providers, as far as connections need them. No method rejects for anything that a provider or a network does. */
export interface Providers {
  /** Null: its connections are not renewed here, as there is no such platform or nobody is registered with it. */
  terms(platform: PlatformId): RefreshTerms | null;
  /**
   * A place in the platform's rate, which all processes share; a refusal says for how long. Rejects with
   * `PortUnavailable` (`storage`).
   */
  admit(platform: PlatformId): Promise<{ readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number }>;
  /** Does `work` as soon as this process has fewer refreshes of the platform under way than its profile allows. */
  inTurn<T>(platform: PlatformId, work: () => Promise<T>): Promise<T>;
  /** One request, within {@link Providers.refreshTimeoutMs}, that is not repeated. */
  refresh(
    platform: PlatformId,
    refreshToken: Secret,
    params: ConnectionMetadata['params'],
    cancelled: Cancellation,
  ): Promise<RefreshOutcome>;
  /** Asks whether a refresh token is spent, and spends nothing: one request, within {@link Providers.refreshTimeoutMs}. */
  introspect(platform: PlatformId, refreshToken: Secret, params: ConnectionMetadata['params']): Promise<SpentOrNot>;
  /** No call of {@link Providers.refresh} takes longer, milliseconds. */
  readonly refreshTimeoutMs: number;
  revoke(
    platform: PlatformId,
    tokens: { readonly access: Secret | null; readonly refresh: Secret | null },
    params: ConnectionMetadata['params'],
  ): Promise<RevokeOutcome>;
  identify(platform: PlatformId, access: Secret, params: ConnectionMetadata['params']): Promise<Identified>;
}
