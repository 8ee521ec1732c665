import { isRecord } from '@vault-engine/contracts';
import type { Operation } from './operation.ts';

/** What forgetting answers. */
export interface ForgottenUser {
  readonly userId: string;
  /** How many connections there were; 0 for a user who was not known. */
  readonly connections: number;
}

/** Deletes everything that the vault holds of a user. */
export const forgetUser = ({ userId }: { readonly userId: string }): Operation<ForgottenUser> => ({
  command: 'ForgetUser',
  reply: 'UserForgotten',
  user: userId,
  encode: (codec) => codec.encode('ForgetUser', { user_id: userId }),
  read: (reply) =>
    isRecord(reply, 'UserForgotten') ? { userId: reply.value.user_id, connections: reply.value.connections } : null,
});
