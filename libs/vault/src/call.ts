import type { KeyObject } from 'node:crypto';
import type { ErrorCode, Failure } from './errors.ts';
import type { EngineId, PlatformId, UserId } from './model.ts';
import type { AuditEntry, DataKeys, Journal, PlatformCatalog } from './ports.ts';
import type { Providers } from './providers.ts';
import type { TokenStore } from './token-store.ts';

/** What the use cases work with. Clock and randomness are arguments, so that a test can hold them. */
export interface Vault {
  readonly store: TokenStore;
  readonly keys: DataKeys;
  readonly journal: Journal;
  readonly platforms: PlatformCatalog;
  readonly providers: Providers;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly uuid: () => string;
  /** How long a mutation's outcome is remembered: longer than its command can be read again from the topic. */
  readonly dedupeTtlMs: number;
}

/** One authenticated command: who asks, under which id. */
export interface Call {
  /** The command id, canonical UUID. */
  readonly requestId: string;
  readonly engine: EngineId;
  readonly keyId: string;
  /** The command type, e.g. `StoreToken`. */
  readonly action: string;
  /** The caller's idempotency key, or the command id. */
  readonly idempotencyKey: string;
  /** The engine's own key for digests of its commands; the same over rotations of its credentials. */
  readonly dedupeKey: KeyObject;
}

/** What a use case answers: a value, or a refusal that goes to the caller and to the audit log. */
export type Answer<T> =
  | {
      readonly ok: true;
      readonly value: T;
      /** The audit record that has yet to be written; null where the change wrote it already. */
      readonly audit: AuditEntry | null;
    }
  | { readonly ok: false; readonly failure: Failure };

/** A refusal. */
export const refuse = (code: ErrorCode, message: string, reason?: string): { ok: false; failure: Failure } => ({
  ok: false,
  failure: reason === undefined ? { code, message } : { code, message, reason },
});

/** What one operation was about. */
export interface AuditSubject {
  readonly user: UserId | null;
  readonly platform: PlatformId | null;
  readonly recordVersion?: number;
  readonly reason?: string;
}

/** In whose name an operation is audited: an engine, by its command, or a service that acts by itself. */
export interface AuditActor {
  readonly requestId: string | null;
  readonly engine: string;
  readonly keyId: string | null;
  /** The command type, or the name of another operation. */
  readonly action: string;
}

/** What an audit record says of how an operation went; `started`: a second record says how it ended. */
export type AuditResult = 'ok' | 'started' | ErrorCode;

/** The audit record of what `actor` did. */
export const auditOf = (
  vault: Pick<Vault, 'now' | 'uuid'>,
  actor: AuditActor,
  result: AuditResult,
  about: AuditSubject,
): AuditEntry => ({
  id: vault.uuid(),
  requestId: actor.requestId,
  userId: about.user,
  platform: about.platform,
  time: vault.now(),
  engine: actor.engine,
  keyId: actor.keyId,
  action: actor.action,
  result,
  reason: about.reason ?? null,
  recordVersion: about.recordVersion ?? null,
  count: 1,
});
