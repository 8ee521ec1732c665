import type { Ciphertext } from '@vault-engine/crypto';
import type { DeadReason, FailingReason, PlatformId } from '@vault-engine/model';

/** The clear part of a record. Its hash is in the associated data of the ciphertexts. */
export interface ConnectionMetadata {
  /** RFC 6749 §7.1, e.g. `Bearer`. */
  readonly tokenType: string;
  readonly scopes: readonly string[];
  /** When the access token expires, Unix milliseconds; null: not stated. */
  readonly expiresAt: number | null;
  /** When the refresh token expires, Unix milliseconds; null: not stated. */
  readonly refreshExpiresAt: number | null;
  /** What a caller needs beside the token, e.g. an instance URL. Never a secret. */
  readonly params: Readonly<Record<string, string>>;
}

/** The right to refresh one connection. Only its holder may send the refresh token. */
export interface Lease {
  /** Random, new for each claim. */
  readonly owner: string;
  /** When it expires, Unix milliseconds of the store's clock. */
  readonly until: number;
  /** `called`: the refresh token may have been sent, so it may be spent. */
  readonly phase: 'claimed' | 'called';
}

/** How refreshes of a connection go. Ciphertexts are not bound to it. */
export type Condition =
  /** It is not refreshed: it has no refresh token, or no client is configured for its platform. */
  | { readonly kind: 'none' }
  | { readonly kind: 'good' }
  /** Refreshes fail for now. The next one is at `retryAt` (Unix milliseconds). */
  | {
      readonly kind: 'failing';
      readonly reason: FailingReason;
      readonly since: number;
      readonly failures: number;
      readonly retryAt: number;
      /** When the refresh token was first sent without an answer, Unix milliseconds; null: it is unspent. */
      readonly unknownSince: number | null;
      /** The provider has refused the grant, first and last at these times (Unix milliseconds): the connection is suspect. */
      readonly suspicion?: { readonly since: number; readonly lastAt: number };
      readonly answer?: LastAnswer;
    }
  /** The grant is gone: the user has to connect again. */
  | {
      readonly kind: 'dead';
      readonly reason: DeadReason;
      readonly since: number;
      /** When the provider is asked once more all the same, Unix milliseconds. */
      readonly recheckAt?: number;
      readonly answer?: LastAnswer;
    };

/** The provider's last refusal, for the operator: its HTTP status, and its error code from a bounded alphabet. */
export interface LastAnswer {
  readonly status: number;
  readonly code: string | null;
}

/** The user's consent. Ciphertexts are not bound to it. */
export interface Grant {
  /** When its first credentials were stored, Unix milliseconds. */
  readonly since: number;
  /** When it ends however often it is refreshed, Unix milliseconds; null: not stated. */
  readonly endsAt: number | null;
  /** When it was last refreshed, Unix milliseconds; null: never. */
  readonly refreshedAt: number | null;
  /** Digest of the upstream account; null: not known. */
  readonly account: string | null;
  /** The client id that the grant belongs to. Absent: stored before it was recorded, so it counts as the current client's. */
  readonly client?: string;
  /**
   * Whether refreshes of this grant brought new refresh tokens. `kept`: so far they never did. `rotated`: one did. Absent: it was
   * not refreshed yet, or by a version that did not note it.
   */
  readonly rotation?: 'kept' | 'rotated';
  /** The last rejection of an access token that could not be disproved. It counts for the credentials of `version` only. */
  readonly rejection?: Rejection;
  /** How many access tokens in a row were rejected right after a refresh had issued them; absent: none. */
  readonly deadAtBirth?: number;
  /** The end of the refresh token was stated by the provider or the caller, and not assumed. */
  readonly endIsStated?: true;
}

/** An engine's report that the platform rejects an access token. */
export interface Rejection {
  /** The rejected `tokenVersion`. */
  readonly version: number;
  /** The first engine that reported it. */
  readonly engine: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** When the provider, another engine or a later report confirmed it, Unix milliseconds; absent: not yet. */
  readonly confirmedAt?: number;
}

/** An OAuth flow that a user has started and not finished; see `StartConnection`. */
export interface Flow {
  readonly id: string;
  readonly platform: PlatformId;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** When it is abandoned, Unix milliseconds. */
  readonly expiresAt: number;
}

/** One user on one platform, as it is stored. */
export interface ConnectionRecord {
  /** Microseconds of the store's clock, or the last version plus one. Changes with every write of credentials or metadata. */
  readonly version: number;
  /** Changes with the credentials only. A caller names it when a platform rejects a token. */
  readonly tokenVersion: number;
  /** Unix milliseconds. */
  readonly storedAt: number;
  readonly metadata: ConnectionMetadata;
  readonly access: Ciphertext;
  readonly refresh: Ciphertext | null;
  readonly condition: Condition;
  readonly grant: Grant;
  /** The status that was last published, as `statusText` writes it. An event is due when the status differs. */
  readonly lastPublishedStatus: string;
  /** The lease, also one whose holder has died; null: none. Only the lease's own methods write it. */
  readonly lease: Lease | null;
}

/** A user's data key as KMS wrapped it. */
export interface WrappedDataKey {
  /** 16 random bytes that name the key. */
  readonly kid: Buffer;
  readonly wrapped: Buffer;
}

/** A user who has, or has had since the last `ForgetUser`, at least one connection or flow. */
export interface UserRow {
  /** Rises with every change of any of the user's connections; never runs backwards. */
  readonly revision: number;
  readonly dataKey: WrappedDataKey;
}
