import type { Secret } from '@vault-engine/crypto';
import type { ProviderDeps, Registration } from '../provider-request.ts';
import { introspect } from './introspect.ts';

/**
 * When an access token expires by the provider's own word, Unix milliseconds; null where it can't be found out. A failure
 * is no reason to lose a token that was just issued.
 */
export const introspectExpiry = async (
  registration: Registration,
  accessToken: Secret,
  params: Readonly<Record<string, string>>,
  deps: ProviderDeps,
): Promise<number | null> => {
  const answer = await introspect(registration, { token: accessToken, hint: 'access_token' }, params, deps);
  if (answer === null) return null;
  const { active, exp } = answer;
  return active && typeof exp === 'number' && exp > 0 ? Math.floor(exp * 1_000) : null;
};
