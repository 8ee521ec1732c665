import { type LoadOptions, loadProfiles } from './load-profiles.ts';
import type { ProfileCatalog } from './platform-catalog.ts';
import { formatFaults, type ProfileFault } from './profile-fault.ts';

/** Profiles are faulty: somebody has to change them. The message lists each fault with its place. */
export class ProfilesRefused extends Error {
  override readonly name = 'ProfilesRefused';
  readonly faults: readonly ProfileFault[];
  constructor(faults: readonly ProfileFault[]) {
    super(`the platform profiles are refused\n${formatFaults(faults)}`);
    this.faults = faults;
  }
}

/** The catalog of the profiles in `folders`, for services, which do not start without it. Throws {@link ProfilesRefused}. */
export const openCatalog = async (
  folders: readonly string[],
  options: LoadOptions = { allowInsecureLoopback: false },
): Promise<ProfileCatalog> => {
  const loaded = await loadProfiles(folders, options);
  if (!loaded.ok) throw new ProfilesRefused(loaded.faults);
  return loaded.value;
};
