import type { ConnectionView, PlatformId, UserId } from '@vault-engine/model';
import { type Answer, auditOf, type Call, type Vault } from './call.ts';
import type { PlatformCatalog } from './ports.ts';
import { status } from './status.ts';
import type { TokenStore } from './token-store.ts';

/** One platform in a {@link StatusSnapshot}. */
export interface PlatformStatus extends ConnectionView {
  readonly platform: PlatformId;
  readonly displayName: string;
  readonly scopes: readonly string[];
}

/** What `GetStatus` answers: every platform that the caller may see, connected or not, by id. */
export interface StatusSnapshot {
  /** 0 for a user who is not known. */
  readonly revision: number;
  readonly platforms: readonly PlatformStatus[];
}

/** What {@link getStatus} works with: nothing that writes, and no key. */
export interface StatusParts extends Pick<Vault, 'now' | 'uuid'> {
  readonly store: Pick<TokenStore, 'readUser'>;
  readonly platforms: Pick<PlatformCatalog, 'all' | 'displayName'>;
}

/** How all of a user's connections stand. `visible` says which platforms the caller may see. Reads only. */
export const getStatus = async (
  vault: StatusParts,
  call: Call,
  { user }: { user: UserId },
  visible: (platform: PlatformId) => boolean,
): Promise<Answer<StatusSnapshot>> => {
  const { user: row, connections, flows } = await vault.store.readUser(user, null, null);
  const now = vault.now();
  const platforms = catalogue(vault, [...connections.keys()])
    .filter(({ id }) => visible(id))
    .map(({ id, displayName }) => {
      const record = connections.get(id) ?? null;
      return {
        platform: id,
        displayName,
        ...status(record, now, flows.find((flow) => flow.platform === id) ?? null),
        scopes: record?.metadata.scopes ?? [],
      };
    });
  return {
    ok: true,
    value: { revision: row?.revision ?? 0, platforms },
    audit: auditOf(vault, call, 'ok', { user, platform: null }),
  };
};

/** All platforms there are, and those that a connection remains of whose profile is gone: it goes by its id. */
const catalogue = (
  vault: StatusParts,
  connected: readonly PlatformId[],
): readonly { id: PlatformId; displayName: string }[] => {
  const orphans = connected
    .filter((id) => vault.platforms.displayName(id) === null)
    .map((id) => ({ id, displayName: id as string }));
  return [...vault.platforms.all(), ...orphans].sort((a, b) => (a.id < b.id ? -1 : 1));
};
