import type { Secret } from '@vault-engine/crypto';
import type { SpentOrNot } from '@vault-engine/vault';
import { readBody } from '../answer/read-answer.ts';
import { endpointUrl } from '../endpoint-url.ts';
import {
  type IntrospectedToken,
  type ProviderDeps,
  type Registration,
  requestIntrospection,
} from '../provider-request.ts';

/**
 * The expiry of an access token by introspection, Unix milliseconds; null where it can't be found out. A failure does not
 * matter for a token that was just issued.
 */
export const introspectExpiry = async (
  registration: Registration,
  accessToken: Secret,
  params: Readonly<Record<string, string>>,
  deps: ProviderDeps,
): Promise<number | null> => {
  const introspected = await introspect(registration, { token: accessToken, hint: 'access_token' }, params, deps);
  return introspected?.active && introspected.expiresAt !== null ? introspected.expiresAt : null;
};

/**
 * Whether a refresh token has been used, by introspection. It is `unknown` where the profile does not say that the provider
 * introspects refresh tokens: such a provider may call one active as long as its grant lives.
 */
export const introspectRefreshToken = async (
  registration: Registration,
  refreshToken: Secret,
  params: Readonly<Record<string, string>>,
  deps: ProviderDeps,
): Promise<SpentOrNot> => {
  if (registration.profile.introspection?.refresh_tokens !== true) return 'unknown';
  const introspected = await introspect(registration, { token: refreshToken, hint: 'refresh_token' }, params, deps);
  if (introspected === null) return 'unknown';
  return introspected.active ? 'unspent' : 'spent';
};

/** An introspection response (RFC 7662 §2.2), as far as the vault uses it. */
interface IntrospectionResponse {
  readonly active: boolean;
  /** `exp`, Unix milliseconds; null where the response has none. */
  readonly expiresAt: number | null;
}

/**
 * Introspects a token (RFC 7662) with one request. Null: the profile has no introspection URL, or there was no valid
 * response. Does not reject for anything that a provider or a network does.
 */
const introspect = async (
  registration: Registration,
  token: IntrospectedToken,
  params: Readonly<Record<string, string>>,
  deps: ProviderDeps,
): Promise<IntrospectionResponse | null> => {
  const { profile, client } = registration;
  if (profile.introspection === null) return null;
  const { url: template, auth } = profile.introspection;
  const url = endpointUrl(profile, template, { fill: { client_id: client.id }, params });
  if (!url.ok) return null;
  const exchange = await requestIntrospection(registration, url.value, auth, token, deps);
  if (exchange.kind !== 'answered' || exchange.status !== 200) return null;
  const body = readBody(exchange, profile.response);
  if (!body.ok || typeof body.value['active'] !== 'boolean') return null;
  const { active, exp } = body.value;
  return { active, expiresAt: typeof exp === 'number' && exp > 0 ? Math.floor(exp * 1_000) : null };
};
