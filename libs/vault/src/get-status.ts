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

/** The answer of `GetStatus`: every platform that the caller may see, connected or not, ordered by id. */
export interface StatusSnapshot {
  /** 0: the user is unknown. */
  readonly revision: number;
  readonly platforms: readonly PlatformStatus[];
}

/** The parts that `GetStatus` uses: nothing that writes, and no key. */
export interface StatusParts extends Pick<Vault, 'now' | 'uuid'> {
  readonly store: Pick<TokenStore, 'readUser'>;
  readonly platforms: Pick<PlatformCatalog, 'all' | 'displayName'>;
}

/** The status of all of a user's connections. `visible` says which platforms the caller may see. Reads only. */
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

/** All configured platforms, and connected ones whose profile is gone; those are named by their id. */
const catalogue = (
  vault: StatusParts,
  connected: readonly PlatformId[],
): readonly { id: PlatformId; displayName: string }[] => {
  const orphans = connected
    .filter((id) => vault.platforms.displayName(id) === null)
    .map((id) => ({ id, displayName: id as string }));
  return [...vault.platforms.all(), ...orphans].sort((a, b) => (a.id < b.id ? -1 : 1));
};
