import {
  type ConnectionStatus,
  isRecord,
  type PlatformStatus as PlatformStatusRecord,
  type SuggestedAction,
} from '@vault-engine/contracts';
import { dateOf, type Operation } from './operation.ts';

/** One platform, as it stands for the user. */
export interface PlatformStatus {
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
  /** The name that people know it by, e.g. `Google Calendar`. */
  readonly displayName: string;
  /** `UNKNOWN`: a status that came after this client. */
  readonly status: ConnectionStatus;
  readonly suggestedAction: SuggestedAction;
  /** Why it stands so, from a closed list; null for a connection in good order. */
  readonly reason: string | null;
  /** When the access token lapses; null where nobody said. */
  readonly expiresAt: Date | null;
  /** When the connection can't go on without the user; null where nobody said. */
  readonly lapsesAt: Date | null;
  readonly scopes: readonly string[];
}

/** How a user's connections stand. */
export interface UserStatus {
  readonly userId: string;
  /** The user's revision; 0 where the vault has nothing of the user. */
  readonly revision: number;
  /** Every platform that the engine may see, connected or not, ordered by its id. */
  readonly platforms: readonly PlatformStatus[];
}

/** Asks how all of a user's connections stand. */
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
