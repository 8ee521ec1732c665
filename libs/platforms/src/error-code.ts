import type { PlatformProfile } from './platform-catalog.ts';
import { textsAt } from './read-json.ts';

/** The provider's error code in an answer, one that the profile lists before others; null where there is none. */
export const errorCode = ({ response, errors }: PlatformProfile, json: unknown): string | null => {
  const codes = textsAt(json, response.error_path);
  const listed = Object.values(errors).flat();
  return codes.find((code) => listed.includes(code)) ?? codes[0] ?? null;
};
