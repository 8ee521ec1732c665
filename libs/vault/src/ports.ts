import type { DataKey } from '@vault-engine/crypto';
import type { ConnectionView, EngineId, PlatformId, UserId } from '@vault-engine/model';
import type { WrappedDataKey } from './connection-record.ts';

/** The part that a {@link PortUnavailable} is about. */
export type Port = 'storage' | 'audit' | 'keys' | 'provider';

/**
 * A call of a part outside this process failed after the adapter's own bounded retries. Whether it took effect is unknown; it
 * may be repeated. The message never quotes a command.
 */
export class PortUnavailable extends Error {
  override readonly name = 'PortUnavailable';
  readonly port: Port;
  /** The cause, from a closed list of the adapter, for callers and the audit log; null: not known. */
  readonly reason: string | null;
  constructor(port: Port, message: string, options: ErrorOptions & { readonly reason?: string } = {}) {
    super(message, options);
    this.port = port;
    this.reason = options.reason ?? null;
  }
}

/** The encryption context of a wrapped key. It appears in the KMS audit trail in the clear, so it holds no user id. */
export type KeyContext = Readonly<Record<string, string>>;

/**
 * Wraps data keys under a key that never leaves its service. Rejects with {@link PortUnavailable} (`keys`) when the service
 * can't be reached, and with an `InvalidWrappedKey` when the wrapped bytes or their context are not what was wrapped.
 */
export interface KeyWrapper {
  /** The adapter and its key, for logs. */
  readonly id: string;
  /** 32 random bytes, in the clear and wrapped. The caller wipes `plaintext`. */
  generate(context: KeyContext): Promise<{ plaintext: Buffer; wrapped: Buffer }>;
  /** The caller wipes the answer. */
  unwrap(wrapped: Buffer, context: KeyContext): Promise<Buffer>;
}

/** One version of a branch key, wrapped by the key service. Branch keys wrap the users' data keys. */
export interface WrappedBranchKey {
  readonly branch: number;
  /** From 1 on. */
  readonly version: number;
  readonly wrapped: Buffer;
  /** Unix milliseconds. */
  readonly createdAt: number;
}

/**
 * The store of branch keys. A version is never changed. Whoever loses it loses all users' data keys under it, so it must be as
 * durable as the users' rows. Rejects with {@link PortUnavailable} (`storage`) after bounded retries.
 */
export interface BranchKeyStore {
  /** One version of a branch key; null: there is none. */
  readBranchKey(branch: number, version: number): Promise<WrappedBranchKey | null>;
  /** The version of a branch that new data keys are wrapped under; null: the branch has none. */
  activeBranchKey(branch: number): Promise<WrappedBranchKey | null>;
  /**
   * Stores a version and makes it the active one if it is the highest. Resolves to the stored one: the earlier one, if another
   * process has stored this version before.
   */
  addBranchKey(key: WrappedBranchKey): Promise<WrappedBranchKey>;
}

/** The users' data keys, unwrapped and cached. Rejects as {@link KeyWrapper} does. */
export interface DataKeys {
  /** The key in `wrapped`; synchronous when it is cached. */
  keyOf(user: UserId, wrapped: WrappedDataKey): DataKey | Promise<DataKey>;
  newKey(user: UserId): Promise<{ dataKey: DataKey; wrapped: WrappedDataKey }>;
  /**
   * The same key in the wrapped form that new keys have, for the next write of the user's row. Null: it has that form, or it
   * can't be wrapped now. Never rejects: a write does not depend on it.
   */
  rewrap(user: UserId, wrapped: WrappedDataKey): Promise<WrappedDataKey | null>;
  /** Drops a user's key from the cache. */
  evict(user: UserId): void;
}

/** The configured platforms. */
export interface PlatformCatalog {
  /** The platform's name for people; null: there is no such platform. */
  displayName(platform: PlatformId): string | null;
  all(): readonly { readonly id: PlatformId; readonly displayName: string }[];
  /** How long a user may take to connect before the flow is abandoned, milliseconds. */
  flowMs(platform: PlatformId): number;
  /** How long a grant lives at most, milliseconds; null: not stated. */
  grantMs(platform: PlatformId): number | null;
}

/** The audit record of one operation. It holds no token and no hash of one. */
export interface AuditEntry {
  /** UUID of this record. A record that is written again keeps it. */
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
  /** `ok`, an error code, or `started` when a second record has the result. */
  readonly result: string;
  /** The cause, from a closed list, for results that have several. */
  readonly reason: string | null;
  readonly recordVersion: number | null;
  /** 1, or the number of unauthenticated attempts in this record. */
  readonly count: number;
}

/** A change of one connection, for the connection events topic. */
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
  /** The connection after the change; null: the change is the whole user's. */
  readonly view: ConnectionView | null;
}

/** The kinds of change. */
export type ConnectionChange =
  | 'CONNECTED'
  | 'RECONNECTED'
  | 'REVOKED'
  | 'FORGOTTEN'
  /** A refresh brought new credentials. */
  | 'RENEWED'
  /** A refresh brought new credentials, and the earlier ones were not usable. */
  | 'RECOVERED'
  /** Refreshes begin to fail, or fail for another reason, while the token is still usable. */
  | 'FAILING'
  /** The user is asked to reconnect ahead of the end. */
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
