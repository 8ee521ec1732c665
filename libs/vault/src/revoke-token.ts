import { type Call, refuse, type Vault } from './call.ts';
import { type Decision, type Mutation, nextVersion } from './change.ts';
import type { PlatformId, UserId } from './model.ts';
import type { UserView } from './ports.ts';
import { commandDigest, dedupeId } from './remember.ts';
import { status } from './status.ts';

/** What `RevokeToken` answers. */
export interface TokenRevoked {
  readonly platform: PlatformId;
  readonly revision: number;
}

/** Deletes one connection. A flow that the user has started anew stays open. */
export const revokeToken = (
  vault: Pick<Vault, 'now'>,
  call: Call,
  command: { user: UserId; platform: PlatformId },
): Mutation<TokenRevoked> => ({
  ...command,
  dedupeId: dedupeId(call, command.user),
  digest: commandDigest(call, command.user, command.platform),
  decide: (view) => decide(command.platform, view, vault.now()),
  recalled: (value) => value as TokenRevoked, // written by `change` from a TokenRevoked
});

const decide = (platform: PlatformId, view: UserView, now: number): Decision<TokenRevoked> => {
  const existing = view.connections.get(platform);
  if (view.user === null || existing === undefined) {
    return { kind: 'refuse', failure: refuse('not_connected', 'the user has no connection on this platform').failure };
  }
  const flow = view.flows.find((open) => open.platform === platform) ?? null;
  const revision = nextVersion(view.user.revision, view.nowMicros);
  return {
    kind: 'change',
    value: { platform, revision },
    write: { revision, dataKey: null, put: null, remove: [platform], flows: null, forget: false },
    events: [{ platform, change: 'REVOKED', view: status(null, now, flow) }],
    recordVersion: existing.version,
  };
};
