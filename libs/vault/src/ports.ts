import type { DataKey } from '@vault-engine/crypto';
import type { ConnectionView, EngineId, PlatformId, UserId } from '@vault-engine/model';
import type { WrappedDataKey } from './connection-record.ts';

/** Which part a {@link PortUnavailable} speaks of. */
export type Port = 'storage' | 'audit' | 'keys' | 'provider';

/**
 * A part outside this process did not do what it was asked, and may or may not have done it: the effect is unknown and
 * the call may be repeated. Adapters throw it after their own bounded retries; its message names no value of a command.
 */
export class PortUnavailable extends Error {
  override readonly name = 'PortUnavailable';
  readonly port: Port;
  constructor(port: Port, message: string, options?: ErrorOptions) {
    super(message, options);
    this.port = port;
  }
}

/** What a wrapped key is bound to. Appears in the KMS audit trail in the clear: no user id in it. */
export type KeyContext = Readonly<Record<string, string>>;

/**
 * Wraps data keys under a key that never leaves its service. Rejects with {@link PortUnavailable} (`keys`) when it can't
 * be reached, and with an `InvalidWrappedKey` when the wrapped bytes or their context are not what was wrapped.
 */
export interface KeyWrapper {
  /** Names the adapter and its key, for logs. */
  readonly id: string;
  /** 32 random bytes, in the clear and wrapped. The caller wipes `plaintext`. */
  generate(context: KeyContext): Promise<{ plaintext: Buffer; wrapped: Buffer }>;
  /** The caller wipes the answer. */
  unwrap(wrapped: Buffer, context: KeyContext): Promise<Buffer>;
}

/** The users' data keys, unwrapped and cached. Rejects as {@link KeyWrapper} does. */
export interface DataKeys {
  /** The key that `wrapped` holds; at once where it is cached. */
  keyOf(user: UserId, wrapped: WrappedDataKey): DataKey | Promise<DataKey>;
  newKey(user: UserId): Promise<{ dataKey: DataKey; wrapped: WrappedDataKey }>;
  /** Drops what is cached of a user. */
  evict(user: UserId): void;
}

/** The platforms that there are. */
export interface PlatformCatalog {
  /** The name that people know it by, or null where there is no such platform. */
  displayName(platform: PlatformId): string | null;
  all(): readonly { readonly id: PlatformId; readonly displayName: string }[];
  /** How long a user may take to connect before the flow counts as abandoned, milliseconds. */
  flowMs(platform: PlatformId): number;
  /** How long a grant lives at most, milliseconds; null where nobody said. */
  grantMs(platform: PlatformId): number | null;
}

/** One operation, as the auditor reads it. No token, no hash of one. */
export interface AuditEntry {
  /** UUID of this record; the same when the same record is written again. */
  readonly id: string;
  /** The command id, canonical UUID; null for counted records. */
  readonly requestId: string | null;
  readonly userId: string | null;
  readonly platform: string | null;
  /** Unix milliseconds. */
  readonly time: number;
  readonly engine: string;
  readonly keyId: string | null;
  /** The command type, e.g. `GetToken`, or the name of another operation. */
  readonly action: string;
  /** `ok`, the error code, or `started` for what a second record says the end of. */
  readonly result: string;
  /** Why, from a closed list where the result has several causes. */
  readonly reason: string | null;
  readonly recordVersion: number | null;
  /** 1, or how many unauthenticated attempts this record counts. */
  readonly count: number;
}

/** A change of one connection, as the sync engine sees it. */
export interface ConnectionEvent {
  readonly id: string;
  readonly userId: UserId;
  /** Null: the whole user. */
  readonly platform: PlatformId | null;
  readonly revision: number;
  /** Unix milliseconds. */
  readonly time: number;
  readonly change: ConnectionChange;
  /** Null: the vault itself. */
  readonly engine: EngineId | null;
  /** How the connection stands after it; null where it is the whole user's. */
  readonly view: ConnectionView | null;
}

/** What happened to a connection, from a closed list. */
export type ConnectionChange =
  | 'CONNECTED'
  | 'RECONNECTED'
  | 'REVOKED'
  | 'FORGOTTEN'
  /** It has new credentials from the provider. */
  | 'RENEWED'
  /** The same, and it had none that were usable. */
  | 'RECOVERED'
  /** Refreshing it begins to fail, or fails for another reason, and its token is usable yet. */
  | 'FAILING'
  /** The time has come to ask the user, ahead of its end. */
  | 'LAPSING'
  | 'EXPIRED'
  | 'FLOW_STARTED'
  | 'FLOW_ABANDONED';

/**
 * Writes transitions. `record` and `publish` resolve when the broker has acknowledged with all in-sync replicas, and
 * reject with {@link PortUnavailable} (`audit`) when it has not.
 */
export interface Journal {
  encodeAudit(entry: AuditEntry): Buffer;
  encodeEvent(event: ConnectionEvent): Buffer;
  /** Appends to the audit log. */
  record(audit: Buffer): Promise<void>;
  /** Publishes to the connection events of a user. */
  publish(user: UserId, event: Buffer): Promise<void>;
}
