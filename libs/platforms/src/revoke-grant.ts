import type { Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import type { RevokeOutcome } from '@vault-engine/vault';
import { errorCode, readBody, saysOk } from './answer/read-answer.ts';
import type { ClientCredentials } from './client-credentials.ts';
import { endpointUrl } from './endpoint-url.ts';
import type { Exchange } from './outbound/exchange.ts';
import type { PlatformProfile } from './profiles/platform-catalog.ts';
import {
  authenticateClient,
  type ClientAuthMethod,
  encodeBody,
  type ProviderDeps,
  providerRequest,
} from './provider-request.ts';

/** Why a grant may still be valid at the provider. */
type RevokeFailure =
  | 'no_token'
  | 'client_refused'
  | 'refused'
  | 'throttled'
  | 'provider_error'
  | 'not_sent'
  | 'no_answer';

/** The tokens of a connection. The profile chooses the one to send. */
export interface GrantTokens {
  readonly access: Secret | null;
  readonly refresh: Secret | null;
}

/**
 * Revokes a grant at the provider (RFC 7009, or the profile's own way) with one request. Does not reject for anything that
 * a provider or a network does.
 *
 * @param params The connection's parameters. For some providers one of them names the region.
 */
export const revokeGrant = async (
  profile: PlatformProfile,
  client: ClientCredentials,
  tokens: GrantTokens,
  deps: ProviderDeps,
  params: Readonly<Record<string, string>> = {},
): Promise<RevokeOutcome> => {
  const { revoke } = profile;
  if (revoke === null) return { kind: 'not_supported' };
  const token = tokens[revoke.token];
  if (token === null) return failed('no_token');
  const text = reveal(token).toString();
  const url = endpointUrl(profile, revoke.url, { fill: { client_id: client.id, token: text }, params });
  if (!url.ok) return failed('not_sent');

  const fields = new URLSearchParams({ [revoke.field]: text });
  const authorization = authorize(revoke.auth, client, fields, text);
  const encoded = encodeBody(revoke.body, fields);
  const exchange = await deps.outbound.exchange({
    ...providerRequest(profile, deps, { ...authorization, ...encoded.headers }),
    method: revoke.method,
    url: url.value,
    body: encoded.body,
    reuse: true,
  });
  return read(profile, revoke.gone, exchange);
};

/** The authorization of the request. `none`: the token alone is enough, and the client is not named. */
const authorize = (
  method: ClientAuthMethod | 'bearer',
  client: ClientCredentials,
  fields: URLSearchParams,
  token: string,
): Readonly<Record<string, string>> => {
  switch (method) {
    case 'bearer':
      return { authorization: `Bearer ${token}` };
    case 'none':
      return {};
    default:
      return authenticateClient(method, client, fields);
  }
};

const failed = (reason: RevokeFailure): RevokeOutcome => ({ kind: 'failed', reason });

const read = (profile: PlatformProfile, gone: readonly string[], exchange: Exchange): RevokeOutcome => {
  const { response, errors } = profile;
  if (exchange.kind === 'not_sent') return failed('not_sent');
  if (exchange.kind === 'unanswered') return failed('no_answer');
  const { status } = exchange;
  const body = exchange.kind === 'answered' ? readBody(exchange, response) : null;
  const object = body?.ok === true ? body.value : null;
  const headers = exchange.kind === 'answered' ? exchange.headers : null;
  const ok = saysOk(response, object);
  const isSuccess = status >= 200 && status < 300;
  const code = isSuccess && ok === true ? null : errorCode(profile, object, { status, headers });
  // A success may have no body (RFC 7009 §2.2: "ignored by the client").
  if (code !== null && gone.includes(code)) return { kind: 'revoked' };
  if (isSuccess && ok !== false) return { kind: 'revoked' };
  if (status === 429 || (code !== null && errors.throttled.includes(code))) return failed('throttled');
  if (status >= 500 || (code !== null && errors.transient.includes(code))) return failed('provider_error');
  return failed(code !== null && errors.app_fault.includes(code) ? 'client_refused' : 'refused');
};
