import type { ConnectionRecord, PlatformId, UserId, UserRow } from '../model.ts';
import type { TransitionActor } from '../transition.ts';

/** In whose name a connection is refreshed: the engine whose command wants the token, or a service that acts by itself. */
export type RefreshActor = Omit<TransitionActor, 'action'>;

/** Which connection is to be refreshed, and why. */
export interface RefreshRequest {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** The credentials that are to be replaced: where they have been already, that is the answer. */
  readonly tokenVersion: number;
  /** Passes the cool-down after a failure and the provider's least interval: for operators. */
  readonly forced: boolean;
  readonly actor: RefreshActor;
}

/** What refreshing came to, with the connection as it stands now. */
export type RefreshAnswer =
  /** It has other credentials than those of the request: this renewal's, another's, or the user's own. */
  | { readonly kind: 'renewed'; readonly user: UserRow; readonly record: ConnectionRecord }
  /** It keeps those that it has: `record.condition` says why, and until when. */
  | { readonly kind: 'kept'; readonly record: ConnectionRecord }
  /** Not now, and nothing is wrong with it: the provider's rate or least interval. */
  | {
      readonly kind: 'later';
      /** The platform's rate, which all share, or the least interval between two refreshes of one connection. */
      readonly limit: 'rate' | 'interval';
      readonly record: ConnectionRecord;
      readonly retryAfterMs: number;
    }
  /** Another process is at it, and has not finished within the time that was given. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'gone' };

/** What attending to a connection came to. */
export type DueResult =
  | { readonly kind: 'renewed' | 'failed' | 'dead' }
  /** It stands otherwise by time alone, and an event says so. */
  | { readonly kind: 'told' }
  /** It wanted nothing, and falls due again when it does. */
  | { readonly kind: 'nothing' }
  /** Another process is at it: it comes again by itself. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'gone' }
  /** The provider's rate is used up; it falls due again by itself. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number };

/**
 * Refreshes connections, each by one process at a time. All methods reject with `PortUnavailable`. What is under way goes
 * on when its caller stops waiting: a refresh token that is spent has to be replaced.
 */
export interface Refresher {
  /** Refreshes a connection, and waits up to `budgetMs` for another process that is at it. */
  refresh(request: RefreshRequest, budgetMs: number): Promise<RefreshAnswer>;
  /**
   * Does what has fallen due for a connection: refreshes it, or tells how it stands by now. `forced`: refreshes it, due or
   * not, past the cool-down after a failure.
   */
  processDue(user: UserId, platform: PlatformId, forced?: boolean): Promise<DueResult>;
  /** How many refreshes are under way. */
  readonly underWay: number;
  /** Takes nothing new and waits for what is under way. False: after `ms` something still was. */
  drain(ms: number): Promise<boolean>;
}
