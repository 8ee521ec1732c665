import type { Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import type { RevokeOutcome } from '@vault-engine/vault';
import { errorCode, readBody, saysOk } from './answer/read-answer.ts';
import type { ClientCredentials } from './client-credentials.ts';
import { endpointUrl } from './endpoint-url.ts';
import type { Exchange } from './outbound/exchange.ts';
import type { PlatformProfile } from './profiles/platform-catalog.ts';
import { authenticateClient, encodeBody, type ProviderDeps, providerRequest } from './provider-request.ts';
import { refreshGrant } from './refresh/refresh-grant.ts';

/** Why a grant may still be valid at the provider. */
type RevokeFailure =
  | 'no_token'
  | 'client_refused'
  | 'refused'
  | 'throttled'
  | 'provider_error'
  /** Also: only an expired access token was there, and no new one to revoke. */
  | 'not_sent'
  | 'no_answer';

/** The tokens of a connection. The profile chooses the ones to send. */
export interface GrantTokens {
  readonly access: Secret | null;
  readonly refresh: Secret | null;
  /** Whether the access token has expired: then a provider that calls it invalid says nothing of the grant. */
  readonly accessExpired?: boolean;
}

/**
 * Revokes a grant at the provider (RFC 7009, or the profile's own way), with one request per token. Does not reject for
 * anything that a provider or a network does.
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
  if (profile.revoke === null) return { kind: 'not_supported' };
  const current = await withLiveAccess(profile, client, tokens, deps, params);
  if ('kind' in current) return current;
  const outcomes: RevokeOutcome[] = [];
  for (const token of tokensToSend(profile.revoke, current))
    outcomes.push(await revokeToken(profile, profile.revoke, { client, token, params, deps }));
  if (current !== tokens) {
    current.access?.wipe();
    if (current.refresh !== tokens.refresh) current.refresh?.wipe();
  }
  return outcomes.find(({ kind }) => kind !== 'revoked') ?? outcomes[0] ?? failed('no_token');
};

type Revocation = NonNullable<PlatformProfile['revoke']>;

const kindsOf = ({ tokens, token }: Revocation): readonly ('access' | 'refresh')[] => tokens ?? [token];

/** In the profile's order. A connection without a refresh token is ended by its access token. */
const tokensToSend = (revoke: Revocation, tokens: GrantTokens): readonly Secret[] => {
  const chosen = kindsOf(revoke).flatMap((kind) => tokens[kind] ?? []);
  return chosen.length > 0 ? chosen : [tokens.access ?? []].flat();
};

/**
 * Tokens that a revocation ends the grant with. Where a provider revokes access tokens only, an expired one is refreshed
 * first: revoking an expired token would leave the grant, and the answer would not tell.
 */
const withLiveAccess = async (
  profile: PlatformProfile,
  client: ClientCredentials,
  tokens: GrantTokens,
  deps: ProviderDeps,
  params: Readonly<Record<string, string>>,
): Promise<GrantTokens | RevokeOutcome> => {
  const isAccessOnly = profile.revoke !== null && !kindsOf(profile.revoke).includes('refresh');
  if (!isAccessOnly || tokens.accessExpired !== true || tokens.refresh === null) return tokens;
  const refreshed = await refreshGrant(profile, client, tokens.refresh, deps, params);
  if (refreshed.kind === 'renewed') return { access: refreshed.access, refresh: refreshed.refresh ?? tokens.refresh };
  if (refreshed.kind === 'access_unusable') refreshed.refresh.wipe();
  // The provider refuses the refresh token, so the grant is over.
  if (refreshed.reason === 'refused_by_provider') return { kind: 'revoked' };
  return failed(refreshed.reason === 'client_refused' ? 'client_refused' : 'not_sent');
};

interface OneRevocation {
  readonly client: ClientCredentials;
  readonly token: Secret;
  readonly params: Readonly<Record<string, string>>;
  readonly deps: ProviderDeps;
}

const revokeToken = async (
  profile: PlatformProfile,
  revoke: Revocation,
  { client, token, params, deps }: OneRevocation,
): Promise<RevokeOutcome> => {
  const text = reveal(token).toString();
  const url = endpointUrl(profile, revoke.url, { fill: { client_id: client.id, token: text }, params });
  if (!url.ok) return failed('not_sent');

  const fields = new URLSearchParams({ [revoke.field]: text });
  const authorization = authorize(profile, revoke.auth, { client, fields, token: text });
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

/**
 * The authorization of a revocation. Null: as at the token URL, because RFC 7009 §2.1 asks a confidential client to
 * authenticate. `none`: the token alone is enough, and the client is not named.
 */
const authorize = (
  profile: PlatformProfile,
  method: Revocation['auth'],
  { client, fields, token }: { client: ClientCredentials; fields: URLSearchParams; token: string },
): Readonly<Record<string, string>> => {
  switch (method) {
    case 'bearer':
      return { authorization: `Bearer ${token}` };
    case 'none':
      return {};
    default:
      return authenticateClient(method ?? profile.auth, client, fields);
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
