import type { Ciphertext } from '@vault-engine/crypto';
import type { DeadReason, FailingReason, PlatformId } from '@vault-engine/model';

/** What is known of a connection in the clear. Its hash is part of the record's authenticated context. */
export interface ConnectionMetadata {
  /** RFC 6749 §7.1, e.g. `Bearer`. */
  readonly tokenType: string;
  readonly scopes: readonly string[];
  /** When the access token lapses, Unix milliseconds; null where nobody said. */
  readonly expiresAt: number | null;
  /** When the refresh token lapses, Unix milliseconds; null where nobody said. */
  readonly refreshExpiresAt: number | null;
  /** Facts of the connection that a caller needs beside the token, e.g. an instance URL. Never a secret. */
  readonly params: Readonly<Record<string, string>>;
}

/** The right to refresh one connection: whoever has it may spend the refresh token. */
export interface Lease {
  /** Random, new for each claim. */
  readonly owner: string;
  /** When it lapses, Unix milliseconds of the store's clock. */
  readonly until: number;
  /** `called`: the provider may have been asked, so the refresh token may be spent. */
  readonly phase: 'claimed' | 'called';
}

/** How refreshing a connection goes. It is not part of what ciphertexts are bound to. */
export type Condition =
  /** It is not refreshed: it has no refresh token, or nobody here is registered with the provider. */
  | { readonly kind: 'none' }
  | { readonly kind: 'good' }
  /** It failed for now, and is not tried again before `retryAt` (Unix milliseconds). */
  | {
      readonly kind: 'failing';
      readonly reason: FailingReason;
      readonly since: number;
      readonly failures: number;
      readonly retryAt: number;
      /** When the refresh token was first sent without an answer, Unix milliseconds; null: it is not spent. */
      readonly unknownSince: number | null;
    }
  /** The grant is gone: only the user can connect again. */
  | { readonly kind: 'dead'; readonly reason: DeadReason; readonly since: number };

/** What is known of the user's consent. It is not part of what ciphertexts are bound to. */
export interface Grant {
  /** When the credentials that it began with were stored, Unix milliseconds. */
  readonly since: number;
  /** When it ends whatever is refreshed, Unix milliseconds; null where nobody said. */
  readonly endsAt: number | null;
  /** When it was last refreshed, Unix milliseconds; null: not yet. */
  readonly refreshedAt: number | null;
  /** Digest of the upstream account; null where the platform has no way to ask for it. */
  readonly account: string | null;
}

/** A flow that a user has started and not finished: see `StartConnection`. */
export interface Flow {
  readonly id: string;
  readonly platform: PlatformId;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** When it counts as abandoned, Unix milliseconds. */
  readonly expiresAt: number;
}

/** One user on one platform, as it is stored. */
export interface ConnectionRecord {
  /** Microseconds of the store's clock, or the last version plus one. Changes with every write of credentials or metadata. */
  readonly version: number;
  /** Changes with the credentials only: what a caller names when a token is rejected. */
  readonly tokenVersion: number;
  /** Unix milliseconds. */
  readonly storedAt: number;
  readonly metadata: ConnectionMetadata;
  readonly access: Ciphertext;
  readonly refresh: Ciphertext | null;
  readonly condition: Condition;
  readonly grant: Grant;
  /** How the connection was last said to stand, as `statusText` writes it: an event is due where it stands otherwise. */
  readonly lastPublishedStatus: string;
  /** Who refreshes it, or did when the process died; null: nobody. Written by the lease's own methods alone. */
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
