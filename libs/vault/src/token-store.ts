import type { PlatformId, UserId } from '@vault-engine/model';
import type { ConnectionRecord, Flow, Lease, UserRow, WrappedDataKey } from './connection-record.ts';

/** What a mutating command left behind, so that its repetition is answered and not executed. */
export interface DedupeRecord {
  /** HMAC-SHA256 of the decoded command: equal means repeated, different means that the key was used twice. */
  readonly mac: Buffer;
  /** The outcome as the domain wrote it. Holds no secret. */
  readonly outcome: string;
}

/** A change of a connection on its way to the audit log and the events topic: encoded messages, holding no secret. */
export interface Transition {
  /** UUID; both messages carry it, so that a repetition can be told from a second change. */
  readonly id: string;
  readonly user: UserId;
  /** The encoded `AuditRecord`. */
  readonly audit: Buffer;
  /** Encoded `ConnectionChanged` messages, in order. */
  readonly events: readonly Buffer[];
}

/** Where a transition lies until it is acknowledged. Opaque to all but its store. */
export type PendingRef = string & { readonly pendingRef: true };

/** One mutation: applied whole or not at all. */
export interface Change {
  readonly user: UserId;
  /** The revision that the change was decided upon; null: the user has no row. */
  readonly expectedRevision: number | null;
  /** Above `expectedRevision`; equal to it for a put under a lease that nobody is told of: no event, nothing that a snapshot shows. */
  readonly revision: number;
  /** Written when the user is new; null leaves the user's key as it is. */
  readonly dataKey: WrappedDataKey | null;
  /** `dueAt`: Unix milliseconds at which the connection wants attention, or null for never. */
  readonly put: {
    readonly platform: PlatformId;
    readonly record: ConnectionRecord;
    readonly dueAt: number | null;
  } | null;
  /** The put is made only while this owner holds the connection's lease, and ends it; null: whoever holds it loses it. */
  readonly leaseOwner: string | null;
  readonly remove: readonly PlatformId[];
  /** All open flows of the user, at most one of a platform; null leaves them as they are. */
  readonly flows: readonly Flow[] | null;
  /** Deletes the user's row, wrapped data key included, and all connections (crypto-shredding). */
  readonly forget: boolean;
  readonly dedupe: (DedupeRecord & { readonly id: string; readonly keepMs: number }) | null;
  readonly transition: Transition;
}

export type Applied =
  | { readonly kind: 'applied'; readonly pending: PendingRef }
  /** Somebody else changed the user first, or the lease is not the owner's any more: read again and decide again. */
  | { readonly kind: 'conflict' }
  /** A record with this `remember.id` is there already. Nothing was written. */
  | { readonly kind: 'remembered'; readonly dedupeRecord: DedupeRecord };

/** Everything about a user that a mutation is decided upon, read in one step. */
export interface UserView {
  /** The store's clock, Unix microseconds. */
  readonly nowMicros: number;
  readonly user: UserRow | null;
  /** All connections, or the one that was asked for. */
  readonly connections: ReadonlyMap<PlatformId, ConnectionRecord>;
  /** All open flows, also where one platform was asked for; some may be past their time. */
  readonly flows: readonly Flow[];
  /** The record of `dedupeId`, else that of `refusalId`, where one was asked for and is there. */
  readonly dedupeRecord: DedupeRecord | null;
}

/** What has fallen due: a connection, or the flows of a user (`platform` null). */
export interface Due {
  readonly user: UserId;
  readonly platform: PlatformId | null;
  /** Unix milliseconds. */
  readonly dueAt: number;
}

/** A connection, for the methods of its lease. */
export interface LeaseOf {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** Random, new for each claim. */
  readonly owner: string;
}

/** What became of a claim. */
export type Claimed =
  /**
   * `before`: the lease that had lapsed, if any: one in phase `called` may have spent the refresh token. Until a put, the
   * first of those is handed on, past whoever came later.
   */
  | { readonly kind: 'claimed'; readonly before: Lease | null }
  /** Somebody else has it. */
  | { readonly kind: 'held'; readonly lease: Lease }
  /** The connection is gone, or its credentials are not those of `tokenVersion` any more. */
  | { readonly kind: 'changed' };

/**
 * Where connections live. Every method rejects with {@link PortUnavailable} (`storage`) after bounded retries.
 * Contract suite: `libs/token-store/src/contract.ts`.
 */
export interface TokenStore {
  /** One connection and its user's row, in one round trip, as they are now. What is answered may be answered to others too: nobody changes it. */
  readConnection(
    user: UserId,
    platform: PlatformId,
  ): Promise<{ user: UserRow | null; record: ConnectionRecord | null }>;
  /** The user's row and connections (one, or all where `platform` is null), in one round trip and one point in time. */
  readUser(user: UserId, platform: PlatformId | null, dedupeId: string | null, refusalId?: string): Promise<UserView>;
  /** One atomic step. An answer that got lost may have been applied: the repetition answers `remembered` or `conflict`. */
  apply(change: Change): Promise<Applied>;
  /**
   * Remembers an outcome that changed nothing under `id`, where nothing is remembered yet. Answers what is remembered
   * now: the earlier one where there is one.
   */
  dedupe(user: UserId, entry: DedupeRecord & { readonly id: string; readonly keepMs: number }): Promise<DedupeRecord>;
  /**
   * Takes the lease of a connection whose credentials are still those of `tokenVersion`, for `ttlMs` of the store's clock:
   * a free one, or one that has lapsed. A claim that the same owner repeats (its answer was lost) answers as the first.
   */
  claim(of: LeaseOf & { readonly tokenVersion: number; readonly ttlMs: number }): Promise<Claimed>;
  /**
   * Holds a lease for `ttlMs` from now, in `phase`; `called` stays, whatever a late renewal says. A lapsed lease is its
   * owner's until somebody else takes it. False: it is not the owner's any more.
   */
  hold(of: LeaseOf & { readonly phase: Lease['phase']; readonly ttlMs: number }): Promise<boolean>;
  /**
   * Gives a lease back: no token was spent under it. A `before` in phase `called` is there again, for the next to find.
   * False: it was not the owner's any more, and nothing was changed.
   */
  release(of: LeaseOf): Promise<boolean>;
  /**
   * All users, in no order. Whoever is there from the beginning to the end comes at least once, perhaps several times; who
   * comes or goes meanwhile may come or not.
   */
  users(): AsyncIterable<UserId>;
  /**
   * Takes up to `limit` of what has fallen due, and lets it fall due again `againInMs` later, so that others pass it over
   * meanwhile and nothing is lost with whoever took it. Costs what is due, not what is stored.
   */
  takeDue(limit: number, againInMs: number): Promise<readonly Due[]>;
  /** When what is there falls due next, Unix milliseconds. Changes nothing for a connection or flows that are gone. */
  postpone(due: Due): Promise<void>;
  /** The next that falls due, earliest first, without taking it. */
  upcoming(limit: number): Promise<readonly Due[]>;
  /** Transitions that have been pending for longer than `olderThanMs`, oldest first within a shard. */
  pending(olderThanMs: number, limit: number): Promise<readonly { ref: PendingRef; transition: Transition }[]>;
  /** Forgets a transition whose messages are acknowledged. */
  settle(refs: readonly PendingRef[]): Promise<void>;
  /** Resolves when the store takes writes. */
  probe(): Promise<void>;
  close(): Promise<void>;
}
