import type { KeyObject } from 'node:crypto';
import type { EngineId, ErrorCode, Failure, PlatformId, UserId } from '@vault-engine/model';
import type { AuditEntry, DataKeys, Journal, PlatformCatalog } from './ports.ts';
import type { Providers } from './providers.ts';
import type { TokenStore } from './token-store.ts';

/** What the use cases work with. Clock and randomness are arguments, so that a test controls them. */
export interface Vault {
  readonly store: TokenStore;
  readonly keys: DataKeys;
  readonly journal: Journal;
  readonly platforms: PlatformCatalog;
  readonly providers: Providers;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly uuid: () => string;
  /** How long a dedupe record is kept: longer than its command can be read again from the topic. */
  readonly dedupeTtlMs: number;
}

/** One authenticated command: its caller and its id. */
export interface Call {
  /** The command id, canonical UUID. */
  readonly requestId: string;
  readonly engine: EngineId;
  readonly keyId: string;
  /** The command type, e.g. `StoreToken`. */
  readonly action: string;
  /** The caller's idempotency key, or the command id. */
  readonly idempotencyKey: string;
  /** The engine's own key for digests of its commands. It stays the same when the engine's credentials rotate. */
  readonly dedupeKey: KeyObject;
}

/** The answer of a use case: a value, or a refusal for the caller and the audit log. */
export type Answer<T> =
  | {
      readonly ok: true;
      readonly value: T;
      /** The audit record that the caller has to write; null where the change wrote it already. */
      readonly audit: AuditEntry | null;
    }
  | { readonly ok: false; readonly failure: Failure };

/** A refusal. */
export const refuse = (code: ErrorCode, message: string, reason?: string): { ok: false; failure: Failure } => ({
  ok: false,
  failure: reason === undefined ? { code, message } : { code, message, reason },
});

/** The subject of one operation. */
export interface AuditSubject {
  readonly user: UserId | null;
  readonly platform: PlatformId | null;
  readonly recordVersion?: number;
  readonly reason?: string;
}

/** In whose name an operation is audited: an engine, by its command, or a service by itself. */
export interface AuditActor {
  readonly requestId: string | null;
  readonly engine: string;
  readonly keyId: string | null;
  /** The command type, or the name of another operation. */
  readonly action: string;
}

/** The result in an audit record. `started`: a second record has the result. */
export type AuditResult = 'ok' | 'started' | ErrorCode;

/** The audit record of an operation of `actor`. */
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

/** How long a use case may wait for parts outside, which depends on the caller's deadline. */
export interface DeadlineBudget {
  /** The answer of `ask`, or `late` when time is up first. `ask` goes on then, and its answer is dropped. */
  within<T>(ask: () => Promise<T>, late: T): Promise<T>;
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
}
