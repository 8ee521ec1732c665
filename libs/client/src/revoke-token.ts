import { isRecord } from '@vault-engine/contracts';
import type { Operation } from './operation.ts';

/** Which connection is revoked. */
export interface RevokeTokenInput {
  readonly userId: string;
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
}

/** What revoking answers. */
export interface RevokedToken {
  readonly userId: string;
  readonly platform: string;
  /** The user's revision after the change. */
  readonly revision: number;
}

/** Revokes one connection and deletes its credentials. */
export const revokeToken = ({ userId, platform }: RevokeTokenInput): Operation<RevokedToken> => ({
  command: 'RevokeToken',
  reply: 'TokenRevoked',
  user: userId,
  encode: (codec) => codec.encode('RevokeToken', { user_id: userId, platform }),
  read: (reply) =>
    isRecord(reply, 'TokenRevoked')
      ? { userId: reply.value.user_id, platform: reply.value.platform, revision: reply.value.revision }
      : null,
});
