import type { PlatformCatalog, PlatformId } from '@vault-engine/vault';
import type { ProfileContent } from './profile-schema.ts';

/** A platform: its file's name and content. */
export type PlatformProfile = {
  readonly id: PlatformId;
  readonly displayName: string;
} & Omit<ProfileContent, 'display_name' | 'extends'>;

/** All platforms that this deployment knows, with what their profiles say. */
export interface ProfileCatalog extends PlatformCatalog {
  profile(platform: PlatformId): PlatformProfile | null;
  /** Ordered by id. */
  all(): readonly PlatformProfile[];
}

export const profileOf = (id: PlatformId, content: ProfileContent): PlatformProfile => {
  const { display_name: displayName, extends: _family, ...facts } = content;
  return { id, displayName, ...facts };
};

export const createCatalog = (profiles: readonly PlatformProfile[]): ProfileCatalog => {
  const ordered = profiles.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const byId = new Map(ordered.map((profile) => [profile.id, profile]));
  return {
    displayName: (platform) => byId.get(platform)?.displayName ?? null,
    profile: (platform) => byId.get(platform) ?? null,
    all: () => ordered,
  };
};
