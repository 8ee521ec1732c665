export { type LoadedProfiles, loadProfiles } from './load-profiles.ts';
export { openCatalog, ProfilesRefused } from './open-catalog.ts';
export type { PlatformProfile, ProfileCatalog } from './platform-catalog.ts';
export { formatFaults, type ProfileFault } from './profile-fault.ts';
