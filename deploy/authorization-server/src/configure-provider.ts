import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';
import { adaptStorage } from './adapt-storage.ts';
import type { GrantStorage } from './grant-storage.ts';

/** As what the vault is registered. */
export interface RegisteredClient {
  readonly id: string;
  readonly secret: string;
}

/** How long tokens live, in seconds. A refresh token's time begins anew with each rotation. */
export interface Lifetimes {
  readonly access: number;
  readonly refresh: number;
}

/** `openid` is what the identity endpoint asks for (OpenID Connect Core §5.3). */
export const SCOPE = 'openid offline_access files';
/** Longer than any token of it lives: a grant ends when it is ended. */
const GRANT_S = 10 * 365 * 86_400;

/** The server itself: opaque tokens, refresh tokens that rotate, reuse of which ends the grant. */
export const configureProvider = (
  url: string,
  client: RegisteredClient,
  { access, refresh }: Lifetimes,
  storage: GrantStorage,
): Provider =>
  new Provider(url, {
    adapter: adaptStorage(storage),
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: ['https://engine.example/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'client_secret_post',
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })] },
    scopes: SCOPE.split(' '),
    rotateRefreshToken: true,
    ttl: { AccessToken: access, IdToken: access, RefreshToken: refresh, Grant: GRANT_S },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
    },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
