import {
  type ConnectionStatus,
  isRecord,
  type PlatformStatus as PlatformStatusRecord,
  type SuggestedAction,
} from '@vault-engine/contracts';
import { dateOf, type Operation } from './operation.ts';

/** The status of one platform for the user. */
export interface PlatformStatus {
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
  /** The name to show to people, e.g. `Google Calendar`. */
  readonly displayName: string;
  /** `UNKNOWN`: a status that is newer than this client. */
  readonly status: ConnectionStatus;
  readonly suggestedAction: SuggestedAction;
  /** The reason of the status, from a closed list; null for a healthy connection. */
  readonly reason: string | null;
  /** When the access token expires; null where unknown. */
  readonly expiresAt: Date | null;
  /** When the grant ends and the user must reconnect; null where unknown. */
  readonly lapsesAt: Date | null;
  readonly scopes: readonly string[];
}

/** The status of all of a user's connections. */
export interface UserStatus {
  readonly userId: string;
  /** The user's revision; 0 for an unknown user. */
  readonly revision: number;
  /** Every platform that the engine may see, connected or not, ordered by id. */
  readonly platforms: readonly PlatformStatus[];
}

/** Gets the status of all of a user's connections. */
export const getStatus = ({ userId }: { readonly userId: string }): Operation<UserStatus> => ({
  command: 'GetStatus',
  reply: 'StatusSnapshot',
  user: userId,
  encode: (codec) => codec.encode('GetStatus', { user_id: userId }),
  read: (reply) =>
    isRecord(reply, 'StatusSnapshot')
      ? {
          userId: reply.value.user_id,
          revision: reply.value.revision,
          platforms: reply.value.connections.map(platformStatus),
        }
      : null,
});

const platformStatus = (record: PlatformStatusRecord): PlatformStatus => ({
  platform: record.platform,
  displayName: record.display_name,
  status: record.status,
  suggestedAction: record.suggested_action,
  reason: record.reason,
  expiresAt: dateOf(record.expires_at),
  lapsesAt: dateOf(record.lapses_at),
  scopes: record.scopes,
});

/** The connection to revoke. */
export interface RevokeTokenInput {
  readonly userId: string;
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
}

/** The result of `revokeToken`. */
export interface RevokedToken {
  readonly userId: string;
  readonly platform: string;
  /** The user's revision after the change. */
  readonly revision: number;
  /**
   * The outcome at the provider: `revoked` (the grant has ended), `not_supported` (the provider has no revocation, or the
   * vault has no client registration there) or `failed` (the grant may still be valid). Null from an older vault.
   */
  readonly providerOutcome: string | null;
  /** The reason of `failed`, e.g. `no_answer`; otherwise null. */
  readonly providerReason: string | null;
}

/** Revokes a connection: ends its grant at the provider if possible, and deletes its credentials. */
export const revokeToken = ({ userId, platform }: RevokeTokenInput): Operation<RevokedToken> => ({
  command: 'RevokeToken',
  reply: 'TokenRevoked',
  user: userId,
  encode: (codec) => codec.encode('RevokeToken', { user_id: userId, platform }),
  read: (reply) =>
    isRecord(reply, 'TokenRevoked')
      ? {
          userId: reply.value.user_id,
          platform: reply.value.platform,
          revision: reply.value.revision,
          providerOutcome: reply.value.provider_outcome,
          providerReason: reply.value.provider_reason,
        }
      : null,
});

/** The platform that the user begins to connect. */
export interface StartConnectionInput {
  readonly userId: string;
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
  /** An id for the flow: 1–128 of `A-Z a-z 0-9 . _ ~ : -`. Never a secret. Default: one that the vault generates. */
  readonly flowId?: string | null | undefined;
}

/** The result of `startConnection`. */
export interface StartedConnection {
  readonly userId: string;
  readonly platform: string;
  /** The id of the flow. */
  readonly flowId: string;
  /** When the flow counts as abandoned, unless a token is stored first. */
  readonly expiresAt: Date;
  /** The user's revision after the change. */
  readonly revision: number;
}

/** Records that the user has begun to connect a platform. Replaces an open flow of the platform. */
export const startConnection = ({ userId, platform, flowId }: StartConnectionInput): Operation<StartedConnection> => ({
  command: 'StartConnection',
  reply: 'ConnectionStarted',
  user: userId,
  encode: (codec) => codec.encode('StartConnection', { user_id: userId, platform, flow_id: flowId ?? null }),
  read: (reply) =>
    isRecord(reply, 'ConnectionStarted')
      ? {
          userId: reply.value.user_id,
          platform: reply.value.platform,
          flowId: reply.value.flow_id,
          expiresAt: new Date(reply.value.expires_at),
          revision: reply.value.revision,
        }
      : null,
});

/** The result of `forgetUser`. */
export interface ForgottenUser {
  readonly userId: string;
  /** The number of deleted connections; 0 for an unknown user. */
  readonly connections: number;
}

/** Deletes all data of a user from the vault. */
export const forgetUser = ({ userId }: { readonly userId: string }): Operation<ForgottenUser> => ({
  command: 'ForgetUser',
  reply: 'UserForgotten',
  user: userId,
  encode: (codec) => codec.encode('ForgetUser', { user_id: userId }),
  read: (reply) =>
    isRecord(reply, 'UserForgotten') ? { userId: reply.value.user_id, connections: reply.value.connections } : null,
});
