import type { PlatformId } from '@vault-engine/vault';
import type { ProfileContent } from './profile-schema.ts';

/** A platform: the content of its file, and the file's name. */
export type PlatformProfile = { readonly id: PlatformId } & ProfileContent;

/** All platforms that this deployment knows. */
export interface PlatformCatalog {
  /** What people call the platform, or null where there is no such platform. */
  displayName(platform: PlatformId): string | null;
  profile(platform: PlatformId): PlatformProfile | null;
  /** Ordered by id. */
  all(): readonly PlatformProfile[];
}

export const createCatalog = (profiles: readonly PlatformProfile[]): PlatformCatalog => {
  const ordered = profiles.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const byId = new Map(ordered.map((profile) => [profile.id, profile]));
  return {
    displayName: (platform) => byId.get(platform)?.display_name ?? null,
    profile: (platform) => byId.get(platform) ?? null,
    all: () => ordered,
  };
};
