import type { PlatformId, UserId } from '@vault-engine/model';
import type { ConnectionRecord, Flow, Lease, UserRow, WrappedDataKey } from './connection-record.ts';

/** The outcome of a mutating command, from which its repetition is answered without executing it. */
export interface DedupeRecord {
  /** HMAC-SHA256 of the decoded command. Equal: a repetition. Different: the key was used for two commands. */
  readonly mac: Buffer;
  /** The outcome as JSON, without secrets. */
  readonly outcome: string;
}

/** The encoded messages of a change, without secrets, until audit log and events topic have acknowledged them. */
export interface Transition {
  /** UUID of the transition. */
  readonly id: string;
  readonly user: UserId;
  /** The encoded `AuditRecord`. */
  readonly audit: Buffer;
  /** Encoded `ConnectionChanged` messages, in order. */
  readonly events: readonly Buffer[];
}

/** Where a pending transition is stored. Opaque to all but its store. */
export type PendingRef = string & { readonly pendingRef: true };

/** One atomic mutation. */
export interface Change {
  readonly user: UserId;
  /** The revision that the decision is based on; null: the user has no row. */
  readonly expectedRevision: number | null;
  /** Above `expectedRevision`. Equal to it for a put under a lease without an event, which no snapshot shows. */
  readonly revision: number;
  /**
   * For a new user: the user's key. For an existing one: another wrapped form of the same key, with the same `kid`; another
   * `kid` is a conflict. Null keeps the wrapped form.
   */
  readonly dataKey: WrappedDataKey | null;
  /** `dueAt`: when the connection is due next, Unix milliseconds; null: never. */
  readonly put: {
    readonly platform: PlatformId;
    readonly record: ConnectionRecord;
    readonly dueAt: number | null;
  } | null;
  /** The put succeeds only while this owner holds the connection's lease, and ends the lease. Null: the put ends any lease. */
  readonly leaseOwner: string | null;
  readonly remove: readonly PlatformId[];
  /** All open flows of the user, at most one of a platform; null keeps them. */
  readonly flows: readonly Flow[] | null;
  /** Deletes the user's row, wrapped data key included, and all connections (crypto-shredding). */
  readonly forget: boolean;
  readonly dedupe: (DedupeRecord & { readonly id: string; readonly keepMs: number }) | null;
  readonly transition: Transition;
}

export type Applied =
  | { readonly kind: 'applied'; readonly pending: PendingRef }
  /** The user has changed since, or the owner has lost the lease: read again and decide again. */
  | { readonly kind: 'conflict' }
  /** There is a dedupe record with this id already. Nothing was written. */
  | { readonly kind: 'remembered'; readonly dedupeRecord: DedupeRecord };

/** Everything about a user that a decision is based on, read in one step. */
export interface UserView {
  /** The store's clock, Unix microseconds. */
  readonly nowMicros: number;
  readonly user: UserRow | null;
  /** All connections, or the requested one. */
  readonly connections: ReadonlyMap<PlatformId, ConnectionRecord>;
  /** All open flows, whatever platform was requested; some may be past their time. */
  readonly flows: readonly Flow[];
  /** The dedupe record of `dedupeId`, else of `refusalId`; null: none, or not requested. */
  readonly dedupeRecord: DedupeRecord | null;
}

/** A due connection, or the due flows of a user (`platform` null). */
export interface Due {
  readonly user: UserId;
  readonly platform: PlatformId | null;
  /** Unix milliseconds. */
  readonly dueAt: number;
}

/** The due entries that no process has taken. */
export interface DueStats {
  readonly count: number;
  /** How long the oldest of them has been due by the store's clock, milliseconds; 0 if nothing is due. */
  readonly oldestMs: number;
}

/** A connection, for the methods of its lease. */
export interface LeaseOf {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** Random, new for each claim. */
  readonly owner: string;
}

/** The result of a claim. */
export type Claimed =
  /**
   * `before`: the expired lease, if any. In phase `called` its holder may have spent the refresh token; the first such lease
   * is handed on from claim to claim until a put.
   */
  | { readonly kind: 'claimed'; readonly before: Lease | null }
  /** Another owner has it. */
  | { readonly kind: 'held'; readonly lease: Lease }
  /** The connection is gone, or has other credentials than those of `tokenVersion`. */
  | { readonly kind: 'changed' };

/** A kind of stored row. */
export type RowKind = 'record' | 'user' | 'dedupe' | 'branch';

/**
 * A stored row that no store writes: a broken invariant. A retry does not help. The message names the kind of row, but
 * never a user or a value.
 */
export class BrokenRow extends Error {
  override readonly name = 'BrokenRow';
  /** For logs. */
  readonly code: `broken_${RowKind}`;
  readonly kind: RowKind;
  constructor(kind: RowKind, what: string) {
    super(`broken ${kind} row: ${what}`);
    this.kind = kind;
    this.code = `broken_${kind}`;
  }
}

/**
 * The store of connections. Every method rejects with {@link PortUnavailable} (`storage`) after bounded retries. A method that reads
 * rejects with {@link BrokenRow} for a row that does not parse.
 * Contract suite: `libs/token-store/src/contract.ts`.
 */
export interface TokenStore {
  /** One connection and its user's row, as they are now, in one round trip. Callers may share the returned objects and must not change them. */
  readConnection(
    user: UserId,
    platform: PlatformId,
  ): Promise<{ user: UserRow | null; record: ConnectionRecord | null }>;
  /** The user's row and connections (one, or all where `platform` is null), in one round trip and one point in time. */
  readUser(user: UserId, platform: PlatformId | null, dedupeId: string | null, refusalId?: string): Promise<UserView>;
  /** One atomic step. When its answer is lost it may have been applied; the repetition answers `remembered` or `conflict`. */
  apply(change: Change): Promise<Applied>;
  /**
   * Writes the dedupe record of a command that changed nothing, unless there is one of that id. Answers the record that is
   * stored now.
   */
  dedupe(user: UserId, entry: DedupeRecord & { readonly id: string; readonly keepMs: number }): Promise<DedupeRecord>;
  /**
   * Takes a free or expired lease of a connection whose credentials are still those of `tokenVersion`, for `ttlMs` by the
   * store's clock. A claim that the same owner repeats, because its answer was lost, answers as the first.
   */
  claim(of: LeaseOf & { readonly tokenVersion: number; readonly ttlMs: number }): Promise<Claimed>;
  /**
   * Extends a lease for `ttlMs` from now, in `phase`; phase `called` never goes back. An expired lease is its owner's until
   * another takes it. False: another owner has it.
   */
  hold(of: LeaseOf & { readonly phase: Lease['phase']; readonly ttlMs: number }): Promise<boolean>;
  /**
   * Ends a lease under which nothing was sent. The next claim answers the same `before` in phase `called`, if there was one.
   * False: another owner has it, and nothing was changed.
   */
  release(of: LeaseOf): Promise<boolean>;
  /**
   * All users, in no order. A user who exists from beginning to end is listed at least once; one who is created or forgotten
   * meanwhile may be listed or not.
   */
  users(): AsyncIterable<UserId>;
  /**
   * Takes up to `limit` due entries and makes them due again `againInMs` later, so that other processes skip them meanwhile and
   * a process that dies loses none. Its cost depends on what is due, not on what is stored.
   */
  takeDue(limit: number, againInMs: number): Promise<readonly Due[]>;
  /** Sets when an entry is due next. Changes nothing when its connection or flows are gone. */
  postpone(due: Due): Promise<void>;
  /** The next due entries, earliest first, without taking them. */
  upcoming(limit: number): Promise<readonly Due[]>;
  /** Counts the due entries that no process has taken, without taking them. Its cost does not depend on their number. */
  dueStats(): Promise<DueStats>;
  /** Transitions that have been pending for longer than `olderThanMs`, oldest first within a shard. */
  pending(olderThanMs: number, limit: number): Promise<readonly { ref: PendingRef; transition: Transition }[]>;
  /**
   * Takes or extends the lease under which one process at a time drains pending transitions, for `ttlMs` by the store's clock.
   * False: another process has it. Closing the store releases it.
   */
  holdDrainLease(ttlMs: number): Promise<boolean>;
  /** Deletes transitions whose messages are acknowledged. */
  settle(refs: readonly PendingRef[]): Promise<void>;
  /**
   * Notes that the commands topic has `count` partitions at `now` (Unix milliseconds), and forgets larger counts. Returns when
   * each noted count was noted first, so that every worker knows when the topic grew.
   */
  notePartitions(count: number, now: number): Promise<ReadonlyMap<number, number>>;
  /** Resolves if the store takes writes. */
  probe(): Promise<void>;
  close(): Promise<void>;
}
