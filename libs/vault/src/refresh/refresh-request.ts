import type { FailingReason, PlatformId, UserId } from '@vault-engine/model';
import type { TransitionActor } from '../change/transition.ts';
import type { ConnectionRecord, UserRow } from '../connection-record.ts';

/** In whose name a connection is refreshed: the engine whose command needs the token, or a service by itself. */
export type RefreshActor = Omit<TransitionActor, 'action'>;

/** Which connection is to be refreshed, and why. */
export interface RefreshRequest {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** The credentials to replace. If the connection has others already, they are the answer. */
  readonly tokenVersion: number;
  /** Passes the cool-down after a failure and the provider's least interval: for operators. */
  readonly forced: boolean;
  /** The platform rejects the access token. */
  readonly isRejected?: boolean;
  readonly actor: RefreshActor;
}

/** The result of a refresh, with the connection as it is now. */
export type RefreshAnswer =
  /** It has other credentials than those of the request: from this refresh, another one, or the user. */
  | { readonly kind: 'renewed'; readonly user: UserRow; readonly record: ConnectionRecord }
  /** It keeps its credentials; `record.condition` says why and until when. */
  | { readonly kind: 'kept'; readonly record: ConnectionRecord }
  /** Not now, although nothing is wrong with it. */
  | {
      readonly kind: 'later';
      /**
       * The platform's rate, which all processes share; the least interval between two refreshes of one connection; or an incident
       * of the platform.
       */
      readonly limit: 'rate' | 'interval' | 'incident';
      /** Why others fail, with `incident`; absent where only too many requests wait for answers. */
      readonly reason?: FailingReason;
      readonly record: ConnectionRecord;
      readonly retryAfterMs: number;
    }
  /** Another process refreshes it and has not finished in time. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'gone' };

/** The result of processing a due connection. */
export type DueResult =
  | { readonly kind: 'renewed' | 'failed' | 'dead' }
  /** Time alone has changed its status, and the event is published. */
  | { readonly kind: 'told' }
  /** Nothing was due. */
  | { readonly kind: 'nothing' }
  /** Another process refreshes it; it falls due again by itself. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'gone' }
  /** The provider's rate is used up; it falls due again by itself. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number };
