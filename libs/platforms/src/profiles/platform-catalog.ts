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
  /** The shipped platforms whose profile the operator's own has replaced. */
  readonly replaced: readonly PlatformId[];
}

export const profileOf = (id: PlatformId, content: ProfileContent): PlatformProfile => {
  const { display_name: displayName, extends: _family, ...facts } = content;
  return { id, displayName, ...facts };
};

const DAY_MS = 86_400_000;

/** The lifetimes of a platform's refresh tokens, milliseconds; null: no end. */
export const refreshLifetimes = ({ refresh_ttl: ttl }: Pick<PlatformProfile, 'refresh_ttl'>) => ({
  idleMs: ttl.idle ?? (ttl.idle_d === null ? null : ttl.idle_d * DAY_MS),
  absoluteMs: ttl.absolute ?? (ttl.absolute_d === null ? null : ttl.absolute_d * DAY_MS),
});

export const createCatalog = (
  profiles: readonly PlatformProfile[],
  replaced: readonly PlatformId[],
): ProfileCatalog => {
  const ordered = profiles.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const byId = new Map(ordered.map((profile) => [profile.id, profile]));
  return {
    displayName: (platform) => byId.get(platform)?.displayName ?? null,
    profile: (platform) => byId.get(platform) ?? null,
    all: () => ordered,
    replaced,
    flowMs: (platform) => (byId.get(platform)?.policy.flow_s ?? DEFAULT_FLOW_S) * 1_000,
    grantMs: (platform) => {
      const profile = byId.get(platform);
      return profile === undefined ? null : refreshLifetimes(profile).absoluteMs;
    },
  };
};
