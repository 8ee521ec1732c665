export { type ClientCredentials, type RegisteredClient, readClientCredentials } from './client-credentials.ts';
export { tokenUrls } from './endpoint-url.ts';
export { fetchIdentity, type IdentityFailure } from './fetch-identity.ts';
export { openProviders, type ProvidersOptions, type SharedRate } from './open-providers.ts';
export { type Outbound, type OutboundOptions, openOutbound } from './outbound/open-outbound.ts';
export { listUnverified, type UnverifiedFact, type VerifiedFile } from './profiles/list-unverified.ts';
export {
  type LoadedProfiles,
  type LoadOptions,
  loadProfiles,
  openCatalog,
  ProfilesRefused,
} from './profiles/load-profiles.ts';
export type { PlatformProfile, ProfileCatalog } from './profiles/platform-catalog.ts';
export type { WrittenProfile } from './profiles/profile-schema.ts';
export { formatFaults, type ProfileFault } from './profiles/read-yaml.ts';
export type { ProviderDeps } from './provider-request.ts';
export { refreshGrant } from './refresh/refresh-grant.ts';
export { refreshTerms } from './refresh/refresh-terms.ts';
export { openSharedCircuits } from './refresh/share-circuits.ts';
export { type GrantTokens, revokeGrant } from './revoke-grant.ts';
export { openSharedRate, type ShareRateOptions } from './share-rate.ts';
