import type { Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import { authenticateClient } from './authenticate-client.ts';
import type { ClientCredentials } from './client-credentials.ts';
import { encodeBody } from './encode-body.ts';
import { endpointUrl } from './endpoint-url.ts';
import { errorCode } from './error-code.ts';
import type { Exchange } from './outbound/exchange.ts';
import type { PlatformProfile } from './platform-catalog.ts';
import { type ProviderDeps, providerRequest } from './provider-request.ts';
import { at, readJson } from './read-json.ts';

/** What a revocation at the provider came to. */
export type RevokeOutcome =
  /** The grant is ended, or was already. */
  | { readonly kind: 'revoked' }
  /** The provider has no way to end a grant. */
  | { readonly kind: 'not_supported' }
  | { readonly kind: 'failed'; readonly reason: RevokeFailure };

/** Why a grant may still live at the provider. */
export type RevokeFailure =
  | 'no_token'
  | 'client_refused'
  | 'refused'
  | 'throttled'
  | 'provider_error'
  | 'not_sent'
  | 'no_answer';

/** The tokens of a connection, of which the profile says which one to send. */
export interface GrantTokens {
  readonly access: Secret | null;
  readonly refresh: Secret | null;
}

/**
 * Ends a grant at the provider (RFC 7009, or the profile's own way): one request. Does not reject for anything that a
 * provider or a network does.
 *
 * @param params The connection's parameters: with some providers one of them names the region.
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
  const headers = new Headers();
  if (revoke.auth === 'bearer') headers.set('authorization', `Bearer ${text}`);
  else await authenticate(revoke.auth, client, fields, headers);
  const encoded = encodeBody(revoke.body, fields);
  const exchange = await deps.outbound.exchange({
    ...providerRequest(profile, deps, { ...Object.fromEntries(headers), ...encoded.headers }),
    method: revoke.method,
    url: url.value,
    body: encoded.body,
    reuse: true,
  });
  return read(profile, revoke.gone, exchange);
};

const authenticate = (
  method: 'post' | 'basic' | 'none',
  client: ClientCredentials,
  fields: URLSearchParams,
  headers: Headers,
): void | Promise<void> => {
  // `none` here means that the token alone is asked for.
  if (method === 'none') return;
  return authenticateClient(method, client)(
    { issuer: 'https://provider.invalid' },
    { client_id: client.id },
    fields,
    headers,
  );
};

const failed = (reason: RevokeFailure): RevokeOutcome => ({ kind: 'failed', reason });

const read = (profile: PlatformProfile, gone: readonly string[], exchange: Exchange): RevokeOutcome => {
  const { response, errors } = profile;
  if (exchange.kind === 'not_sent') return failed('not_sent');
  if (exchange.kind === 'unanswered') return failed('no_answer');
  const { status } = exchange;
  const json = exchange.kind === 'answered' ? readJson(exchange.body) : null;
  const code = errorCode(profile, json);
  // A 2xx may come without a body (RFC 7009 §2.2: "ignored by the client").
  const saysNotOk = response.ok_path !== null && json !== null && at(json, response.ok_path) === false;
  if (code !== null && gone.includes(code)) return { kind: 'revoked' };
  if (status >= 200 && status < 300 && !saysNotOk) return { kind: 'revoked' };
  if (status === 429 || (code !== null && errors.throttled.includes(code))) return failed('throttled');
  if (status >= 500 || (code !== null && errors.transient.includes(code))) return failed('provider_error');
  return failed(code !== null && errors.app_fault.includes(code) ? 'client_refused' : 'refused');
};
