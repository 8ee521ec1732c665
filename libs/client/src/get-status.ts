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
