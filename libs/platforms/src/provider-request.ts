import type { Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import type { Cancellation } from '@vault-engine/vault';
import {
  type AuthorizationServer,
  allowInsecureRequests,
  type Client,
  type CustomFetchOptions,
  customFetch,
  introspectionRequest,
  refreshTokenGrantRequest,
} from 'oauth4webapi';
import { authenticateClient } from './authenticate-client.ts';
import type { ClientCredentials } from './client-credentials.ts';
import { encodeBody } from './encode-body.ts';
import { allowedHosts } from './endpoint-url.ts';
import type { Exchange, OutboundRequest } from './outbound/exchange.ts';
import type { Outbound } from './outbound/open-outbound.ts';
import type { PlatformProfile } from './platform-catalog.ts';

/** What the functions that speak with providers need from outside. */
export interface ProviderDeps {
  readonly outbound: Outbound;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A request that is not sent yet is not sent any more; one that is sent is waited for. */
  readonly cancelled?: Cancellation;
}

/** Whom a request is for. */
export interface Registration {
  readonly profile: PlatformProfile;
  readonly client: ClientCredentials;
}

/** The refresh grant (RFC 6749 §6), with the profile's parameters, headers and encoding. */
export const requestRefresh = (
  { profile, client }: Registration,
  url: URL,
  refreshToken: Secret,
  deps: ProviderDeps,
): Promise<Exchange> =>
  capture(
    (send) =>
      refreshTokenGrantRequest(
        server({ token_endpoint: url.href }),
        { client_id: client.id },
        authenticateClient(profile.auth, client),
        reveal(refreshToken).toString(),
        { ...insecure(url), [customFetch]: send },
      ),
    (asked) => {
      for (const [name, value] of Object.entries({ ...profile.token.params, ...profile.refresh.params }))
        asked.body.set(name, value);
      const { headers, body } = encodeBody(profile.body, asked.body);
      return deps.outbound.exchange({
        ...providerRequest(profile, deps, { ...asked.headers, ...headers }),
        method: 'POST',
        url,
        body,
        reuse: canRepeat(profile),
      });
    },
  );

/** Whether a second use of a refresh token does no harm, should nobody know whether the first was received. */
const canRepeat = ({ rotation }: PlatformProfile): boolean => rotation.mode === 'never' || rotation.grace_s > 0;

/** A token that is asked about, and what it is (RFC 7662 §2.1). */
export interface Questioned {
  readonly token: Secret;
  readonly hint: 'access_token' | 'refresh_token';
}

/** Asks about a token (RFC 7662). */
export const requestIntrospection = (
  { profile, client }: Registration,
  url: URL,
  auth: 'post' | 'basic' | 'none',
  { token, hint }: Questioned,
  deps: ProviderDeps,
): Promise<Exchange> =>
  capture(
    (send) =>
      introspectionRequest(
        server({ introspection_endpoint: url.href }),
        { client_id: client.id } satisfies Client,
        authenticateClient(auth, client),
        reveal(token).toString(),
        { ...insecure(url), additionalParameters: { token_type_hint: hint }, [customFetch]: send },
      ),
    (asked) => {
      const { headers, body } = encodeBody('form', asked.body);
      return deps.outbound.exchange({
        ...providerRequest(profile, deps, { ...asked.headers, ...headers }),
        method: 'POST',
        url,
        body,
        reuse: true,
      });
    },
  );

/** What every request for `profile` has. The profile's headers come last: they are what the provider asks for. */
export const providerRequest = (
  profile: PlatformProfile,
  { cancelled }: ProviderDeps,
  headers: Readonly<Record<string, string>>,
): Pick<OutboundRequest, 'allowedHosts' | 'headers' | 'cancelled'> => ({
  allowedHosts: allowedHosts(profile),
  // Some providers refuse requests that do not name their sender. Compressed answers could not be bounded.
  headers: {
    accept: 'application/json',
    'accept-encoding': 'identity',
    ...headers,
    'user-agent': 'vault-engine',
    ...lowerCased(profile.headers),
  },
  ...(cancelled && { cancelled }),
});

const lowerCased = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const server = (endpoint: Omit<AuthorizationServer, 'issuer'>): AuthorizationServer => ({
  issuer: 'https://provider.invalid',
  ...endpoint,
});

/** Which plain-HTTP requests may go out is the way out's to say, not the library's. */
const insecure = (url: URL) => ({ [allowInsecureRequests]: url.protocol === 'http:' });

type Asked = CustomFetchOptions<'POST', URLSearchParams>;

/** Lets oauth4webapi write a request, sends it our way, and answers what became of it. */
const capture = async (
  ask: (send: (url: string, asked: Asked) => Promise<Response>) => Promise<Response>,
  exchange: (asked: Asked) => Promise<Exchange>,
): Promise<Exchange> => {
  let exchanged: Exchange | null = null;
  await ask(async (_url, asked) => {
    exchanged = await exchange(asked);
    return new Response(null);
  });
  if (exchanged === null) throw new Error('the request was not written');
  return exchanged;
};
