import type { Secret } from '@vault-engine/crypto';
import { processIntrospectionResponse } from 'oauth4webapi';
import { endpointUrl } from '../endpoint-url.ts';
import { type ProviderDeps, type Registration, requestIntrospection } from '../provider-request.ts';
import { readJson } from '../read-json.ts';

const SERVER = { issuer: 'https://provider.invalid' };

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
  const { introspection } = registration.profile;
  if (introspection === null) return null;
  const url = endpointUrl(registration.profile, introspection.url, {
    fill: { client_id: registration.client.id },
    params,
  });
  if (!url.ok) return null;
  const exchange = await requestIntrospection(registration, url.value, introspection.auth, accessToken, deps);
  if (exchange.kind !== 'answered' || exchange.status !== 200) return null;
  return expiryIn(exchange.body, registration.client.id);
};

const expiryIn = async (body: Buffer, clientId: string): Promise<number | null> => {
  try {
    const answer = Response.json(readJson(body));
    const { active, exp } = await processIntrospectionResponse(SERVER, { client_id: clientId }, answer);
    return active && typeof exp === 'number' && exp > 0 ? Math.floor(exp * 1_000) : null;
  } catch {
    return null;
  }
};
