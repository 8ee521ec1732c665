import type { Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import type { Cancellation } from '@vault-engine/vault';
import type { ClientCredentials } from './client-credentials.ts';
import { allowedHosts } from './endpoint-url.ts';
import type { Exchange, OutboundRequest } from './outbound/exchange.ts';
import type { Outbound } from './outbound/open-outbound.ts';
import type { PlatformProfile } from './profiles/platform-catalog.ts';

/** What requests to providers need from outside. */
export interface ProviderDeps {
  readonly outbound: Outbound;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Checked right before a request is sent. A request that was sent is not cancelled. */
  readonly cancelled?: Cancellation;
}

/** A platform, and the client that this deployment is registered as at its provider. */
export interface Registration {
  readonly profile: PlatformProfile;
  readonly client: ClientCredentials;
}

/** Sends the refresh grant (RFC 6749 §6) once, with the profile's parameters, headers and encoding. */
export const requestRefresh = (
  { profile, client }: Registration,
  url: URL,
  refreshToken: Secret,
  deps: ProviderDeps,
): Promise<Exchange> => {
  const fields = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: reveal(refreshToken).toString() });
  const authorization = authenticateClient(profile.auth, client, fields);
  for (const [name, value] of Object.entries({ ...profile.token.params, ...profile.refresh.params }))
    fields.set(name, value);
  const { headers, body } = encodeBody(profile.body, fields);
  return deps.outbound.exchange({
    ...providerRequest(profile, deps, { ...authorization, ...headers }),
    method: 'POST',
    url,
    body,
    reuse: canRepeat(profile),
    ...(profile.refresh.timeout_s !== null && { timeoutMs: profile.refresh.timeout_s * 1_000 }),
  });
};

/** Whether a second use of a refresh token is harmless if it is unknown whether the provider received the first. */
const canRepeat = ({ rotation }: PlatformProfile): boolean =>
  rotation.mode === 'never' || rotation.on_reuse === 'accept' || rotation.grace_s > 0;

/** A token to introspect, and its kind (RFC 7662 §2.1). */
export interface IntrospectedToken {
  readonly token: Secret;
  readonly hint: 'access_token' | 'refresh_token';
}

/** Sends an introspection request (RFC 7662 §2.1). */
export const requestIntrospection = (
  { profile, client }: Registration,
  url: URL,
  auth: ClientAuthMethod,
  { token, hint }: IntrospectedToken,
  deps: ProviderDeps,
): Promise<Exchange> => {
  const fields = new URLSearchParams({ token: reveal(token).toString(), token_type_hint: hint });
  const authorization = authenticateClient(auth, client, fields);
  const { headers, body } = encodeBody('form', fields);
  return deps.outbound.exchange({
    ...providerRequest(profile, deps, { ...authorization, ...headers }),
    method: 'POST',
    url,
    body,
    reuse: true,
  });
};

/** The parts that all requests for `profile` share. The profile's headers override the others. */
export const providerRequest = (
  profile: PlatformProfile,
  { cancelled }: ProviderDeps,
  headers: Readonly<Record<string, string>>,
): Pick<OutboundRequest, 'allowedHosts' | 'headers' | 'cancelled'> => ({
  allowedHosts: allowedHosts(profile),
  // Some providers refuse requests without a user agent. The size of a compressed answer could not be bounded.
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

/**
 * How the client authenticates (RFC 6749 §2.3.1): in the body, by HTTP Basic, or not at all (it only names itself). Servers
 * differ in how they decode HTTP Basic: `basic` is form-encoded as the RFC has it, `basic_raw` is not encoded, and
 * `basic_percent` is percent-encoded, so that a space is `%20` and not `+`.
 */
export type ClientAuthMethod = PlatformProfile['auth'];

/**
 * Authenticates the client: writes its id and secret into `fields`, or returns the header for them. A client without a
 * secret is public and only names itself.
 */
export const authenticateClient = (
  method: ClientAuthMethod,
  { id, secret }: ClientCredentials,
  fields: URLSearchParams,
): Readonly<Record<string, string>> => {
  const text = secret === null ? null : reveal(secret).toString();
  const encode = ENCODINGS[method];
  if (encode !== null && text !== null) return { authorization: basic(encode(id), encode(text)) };
  fields.set('client_id', id);
  if (method === 'post' && text !== null) fields.set('client_secret', text);
  return {};
};

/** `-`, `.` and `_` stay as they are: servers that do not decode would refuse an escaped client id. */
const formEncode = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);

/** How id and secret are encoded for HTTP Basic; null: another method. */
const ENCODINGS: Readonly<Record<ClientAuthMethod, ((text: string) => string) | null>> = {
  post: null,
  none: null,
  basic: formEncode,
  basic_raw: (text) => text,
  basic_percent: encodeURIComponent,
};

const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

/** A request's body, and the header that describes it. */
export interface EncodedBody {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

/** Encodes `fields` in the provider's format. */
export const encodeBody = (encoding: 'form' | 'json' | 'none', fields: URLSearchParams): EncodedBody => {
  switch (encoding) {
    case 'none':
      return { headers: {}, body: null };
    case 'form':
      return {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from(fields.toString()),
      };
    case 'json':
      return {
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(Object.fromEntries(fields))),
      };
  }
};
