export { type LoadedProfiles, loadProfiles } from './load-profiles.ts';
export type { PlatformCatalog, PlatformProfile } from './platform-catalog.ts';
export { formatFaults, type ProfileFault } from './profile-fault.ts';
