import type { Secret } from '@vault-engine/crypto';
import type { SpentOrNot } from '@vault-engine/vault';
import type { ProviderDeps, Registration } from '../provider-request.ts';
import { introspect } from './introspect.ts';

/**
 * Whether a refresh token has been used, by the provider's word. Where the profile does not say that the provider tells of
 * refresh tokens it is not asked: what it calls active may be the grant.
 */
export const introspectRefreshToken = async (
  registration: Registration,
  refreshToken: Secret,
  params: Readonly<Record<string, string>>,
  deps: ProviderDeps,
): Promise<SpentOrNot> => {
  if (registration.profile.introspection?.refresh_tokens !== true) return 'unknown';
  const answer = await introspect(registration, { token: refreshToken, hint: 'refresh_token' }, params, deps);
  if (answer === null) return 'unknown';
  return answer.active ? 'unspent' : 'spent';
};
