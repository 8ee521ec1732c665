import type { PlatformCatalog, PlatformId } from '@vault-engine/vault';
import { DEFAULT_FLOW_S, type ProfileContent } from './profile-schema.ts';

/** A platform: the name and the content of its file. */
export type PlatformProfile = {
  readonly id: PlatformId;
  readonly displayName: string;
} & Omit<ProfileContent, 'display_name' | 'extends'>;

/** The platforms of this deployment, with their profiles. */
export interface ProfileCatalog extends PlatformCatalog {
  profile(platform: PlatformId): PlatformProfile | null;
  /** Ordered by id. */
  all(): readonly PlatformProfile[];
}

export const profileOf = (id: PlatformId, content: ProfileContent): PlatformProfile => {
  const { display_name: displayName, extends: _family, ...facts } = content;
  return { id, displayName, ...facts };
};

const DAY_MS = 86_400_000;

export const createCatalog = (profiles: readonly PlatformProfile[]): ProfileCatalog => {
  const ordered = profiles.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const byId = new Map(ordered.map((profile) => [profile.id, profile]));
  return {
    displayName: (platform) => byId.get(platform)?.displayName ?? null,
    profile: (platform) => byId.get(platform) ?? null,
    all: () => ordered,
    flowMs: (platform) => (byId.get(platform)?.policy.flow_s ?? DEFAULT_FLOW_S) * 1_000,
    grantMs: (platform) => {
      const days = byId.get(platform)?.refresh_ttl.absolute_d ?? null;
      return days === null ? null : days * DAY_MS;
    },
  };
};
