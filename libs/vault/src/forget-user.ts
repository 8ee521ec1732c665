import type { UserId } from '@vault-engine/model';
import type { Call, Vault } from './call.ts';
import { type Decision, type Mutation, nextVersion } from './change/change.ts';
import { commandDigest, dedupeId } from './change/dedupe.ts';
import type { UserView } from './token-store.ts';

/** The answer of `ForgetUser`. */
export interface UserForgotten {
  /** How many connections the user had. */
  readonly connections: number;
}

/**
 * Deletes a user's connections and the wrapped data key. Remaining copies of the ciphertexts can't be opened once no copy of
 * the wrapped key is left (crypto-shredding). An unknown user counts as forgotten. The grants at the providers are not ended;
 * to end them, revoke the connections first.
 */
export const forgetUser = (vault: Vault, call: Call, command: { user: UserId }): Mutation<UserForgotten> => ({
  user: command.user,
  platform: null,
  dedupeId: dedupeId(call, command.user),
  digest: commandDigest(call, command.user),
  decide: (view) => {
    vault.keys.evict(command.user);
    return decide(view);
  },
  recalled: (value) => value as UserForgotten, // written by `change` from a UserForgotten
});

const decide = ({ user, connections, nowMicros }: UserView): Decision<UserForgotten> => {
  if (user === null) return { kind: 'nothing', value: { connections: 0 } };
  return {
    kind: 'change',
    value: { connections: connections.size },
    write: {
      revision: nextVersion(user.revision, nowMicros),
      dataKey: null,
      put: null,
      remove: [...connections.keys()],
      flows: null,
      forget: true,
    },
    events: [{ platform: null, change: 'FORGOTTEN', view: null }],
  };
};
