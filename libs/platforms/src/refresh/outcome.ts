import type { Secret } from '@vault-engine/crypto';
import type { NotSentReason } from '../outbound/exchange.ts';

/** What a refresh came to. No member holds a secret but `access` and `refresh`, and none a word that a provider sent. */
export type RefreshOutcome = Refreshed | RefreshRefusal | UnknownOutcome;

/** The provider has issued a new access token. */
export interface Refreshed {
  readonly kind: 'renewed';
  readonly access: Secret;
  /** Null: the old one stays in use (RFC 6749 §6). */
  readonly refresh: Secret | null;
  /** Unix milliseconds; null: never, or nobody said. */
  readonly expiresAt: number | null;
  /** When the refresh token lapses if it is not used before, Unix milliseconds; null: nobody said. */
  readonly refreshExpiresAt: number | null;
  /** Null: as before (RFC 6749 §5.1). */
  readonly scopes: readonly string[] | null;
  readonly tokenType: string;
  /** Parameters that the answer names; others stay as they are. */
  readonly params: Readonly<Record<string, string>>;
}

/** Nothing was renewed, and the refresh token was not spent. */
export type RefreshRefusal = GrantDead | ApplicationFault | Transient | Throttled;

interface Refusal {
  /** The provider's error code, where the profile or RFC 6749 lists it; any other is text of a stranger and is left out. */
  readonly code: string | null;
}

/** Only the user can help: connect again. */
export interface GrantDead extends Refusal {
  readonly kind: 'grant_dead';
  readonly reason: 'refused_by_provider';
}

/** Our registration, profile or network is wrong. Says nothing about the connection. */
export interface ApplicationFault extends Refusal {
  readonly kind: 'application_fault';
  readonly reason:
    | 'client_refused'
    | 'request_refused'
    | 'unknown_error'
    | 'unexplained_refusal'
    | 'redirected'
    | Extract<NotSentReason, 'host_not_allowed' | 'insecure_url' | 'address_refused'>;
}

/** Later may help. */
export interface Transient extends Refusal {
  readonly kind: 'transient';
  readonly reason:
    | 'provider_error'
    | 'answer_cut'
    | Extract<NotSentReason, 'unresolvable' | 'unreachable' | 'tls_failed' | 'timeout' | 'cancelled'>;
  /** What the provider asked for; null: nothing. */
  readonly retryAfterMs: number | null;
}

/** Too many requests. */
export interface Throttled extends Refusal {
  readonly kind: 'throttled';
  readonly reason: 'rate_limited';
  readonly retryAfterMs: number;
}

/** The request was sent and no usable answer came: the provider may have issued tokens and spent the refresh token. */
export interface UnknownOutcome {
  readonly kind: 'unknown_outcome';
  readonly reason:
    | 'timeout'
    | 'connection_cut'
    | 'answer_malformed'
    | 'answer_cut'
    | 'answer_too_large'
    | 'answer_unreadable'
    | 'answer_incomplete';
}
