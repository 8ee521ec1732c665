import type { AdapterPayload } from 'oidc-provider';

/** Where the server keeps tokens and grants. Keys are the server's own; times are in seconds. */
export interface GrantStorage {
  readonly read: (key: string) => Promise<AdapterPayload | undefined>;
  /** Forgotten after `expiresIn`; never where that is undefined. `grantId`: the grant that it ends with. */
  readonly write: (
    key: string,
    payload: AdapterPayload,
    expiresIn: number | undefined,
    grantId: string | undefined,
  ) => Promise<void>;
  /** Marks a token as spent, for one caller alone: false where it is spent already. {@link read} tells it as `consumed`. */
  readonly spend: (key: string) => Promise<boolean>;
  readonly remove: (key: string) => Promise<void>;
  /** Removes what was written with this grant id. */
  readonly removeGrant: (grantId: string) => Promise<void>;
}

/** A storage that lasts as long as its process. */
export const inMemory = (now: () => number = Date.now): GrantStorage => {
  const rows = new Map<string, { payload: AdapterPayload; until: number }>();
  const grants = new Map<string, Set<string>>();
  const live = (key: string): AdapterPayload | undefined => {
    const row = rows.get(key);
    if (row === undefined || row.until > now()) return row?.payload;
    rows.delete(key);
    return undefined;
  };
  return {
    read: async (key) => live(key),
    write: async (key, payload, expiresIn, grantId) => {
      rows.set(key, { payload, until: expiresIn === undefined ? Number.POSITIVE_INFINITY : now() + expiresIn * 1_000 });
      if (grantId !== undefined) grants.set(grantId, (grants.get(grantId) ?? new Set()).add(key));
    },
    spend: async (key) => {
      const payload = live(key);
      if (payload === undefined || payload.consumed !== undefined) return false;
      payload.consumed = Math.floor(now() / 1_000);
      return true;
    },
    remove: async (key) => {
      rows.delete(key);
    },
    removeGrant: async (grantId) => {
      for (const key of grants.get(grantId) ?? []) rows.delete(key);
      grants.delete(grantId);
    },
  };
};
