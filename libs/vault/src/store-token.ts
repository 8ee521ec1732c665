import { type DataKey, metadataHash } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import { type Call, refuse, type Vault } from './call.ts';
import { type Decision, type Mutation, nextVersion } from './change.ts';
import { type Credentials, sealCredentials } from './credentials.ts';
import type { PlatformId, UserId, WrappedDataKey } from './model.ts';
import type { UserView } from './ports.ts';
import { commandDigest, dedupeId } from './remember.ts';

/** What `StoreToken` asks for. */
export interface StoreToken extends Credentials {
  readonly user: UserId;
  readonly platform: PlatformId;
}

/** What `StoreToken` answers. */
export interface TokenStored {
  readonly platform: PlatformId;
  readonly tokenVersion: number;
  readonly revision: number;
}

/** Stores credentials, in the place of those that the connection had. The caller has checked them. */
export const storeToken = (vault: Vault, call: Call, command: StoreToken): Mutation<TokenStored> => ({
  user: command.user,
  platform: command.platform,
  dedupeId: dedupeId(call, command.user),
  digest: digestOf(call, command),
  decide: (view) => decide(vault, command, view),
  recalled: (value) => value as TokenStored, // written by `change` from a TokenStored
});

const digestOf = (call: Call, { user, platform, access, refresh, metadata }: StoreToken): Buffer =>
  commandDigest(
    call,
    user,
    platform,
    reveal(access),
    ...(refresh === null ? [] : [reveal(refresh)]),
    metadataHash(metadata),
  );

const decide = async (vault: Vault, command: StoreToken, view: UserView): Promise<Decision<TokenStored>> => {
  const { user, platform } = command;
  if (vault.platforms.displayName(platform) === null) {
    return {
      kind: 'refuse',
      failure: refuse('invalid_request', 'there is no such platform', 'unknown_platform').failure,
    };
  }
  const existing = view.connections.get(platform) ?? null;
  const { dataKey, wrapped } = await keyFor(vault, user, view);
  const version = nextVersion(existing?.version ?? null, view.nowMicros);
  const revision = nextVersion(view.user?.revision ?? null, view.nowMicros);
  const record = sealCredentials(dataKey, { user, platform }, version, vault.now(), command);
  return {
    kind: 'change',
    value: { platform, tokenVersion: record.tokenVersion, revision },
    write: {
      revision,
      dataKey: wrapped,
      put: { platform, record, dueAt: command.metadata.expiresAt },
      remove: [],
      forget: false,
    },
    events: [{ platform, change: existing === null ? 'CONNECTED' : 'RECONNECTED' }],
    recordVersion: version,
  };
};

/** The user's data key: the one that the user has, or a new one that has to be written with the change. */
const keyFor = async (
  vault: Vault,
  user: UserId,
  view: UserView,
): Promise<{ dataKey: DataKey; wrapped: WrappedDataKey | null }> =>
  view.user === null
    ? vault.keys.newKey(user)
    : { dataKey: await vault.keys.keyOf(user, view.user.dataKey), wrapped: null };
