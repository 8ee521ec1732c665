import { platformId } from '@vault-engine/vault';
import { type PlatformProfile, profileOf } from '../platform-catalog.ts';
import { profileSchema } from '../profile-schema.ts';
import type { WrittenProfile } from '../written-profile.ts';

/** A profile whose token URL is `tokenUrl`, with what else a file would say. */
export const testProfile = (
  tokenUrl: string,
  written: Omit<WrittenProfile, 'display_name' | 'token'> = {},
): PlatformProfile => {
  const id = platformId('testing');
  if (id === null) throw new Error('not a platform id');
  return profileOf(id, profileSchema.parse({ display_name: 'Testing', token: { url: tokenUrl }, ...written }));
};
