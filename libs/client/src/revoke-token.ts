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
  /**
   * What became of the grant at the provider: `revoked` (it is ended, or was already), `not_supported` (the provider has no
   * way, or the vault is not registered with it) or `failed` (it may live on there). Null where an older vault answers.
   */
  readonly providerOutcome: string | null;
  /** Why it failed, e.g. `no_answer`; null where it did not. */
  readonly providerReason: string | null;
}

/** Revokes one connection: ends its grant at the provider, as far as that can be done, and deletes its credentials. */
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
