import { platformId } from '@vault-engine/vault';
import { type PlatformProfile, profileOf } from '../profiles/platform-catalog.ts';
import { profileSchema, type WrittenProfile } from '../profiles/profile-schema.ts';

/** A profile with this token URL and the other keys of a file. */
export const testProfile = (
  tokenUrl: string,
  written: Omit<WrittenProfile, 'display_name' | 'token'> = {},
): PlatformProfile => {
  const id = platformId('testing');
  if (id === null) throw new Error('not a platform id');
  return profileOf(id, profileSchema.parse({ display_name: 'Testing', token: { url: tokenUrl }, ...written }));
};
