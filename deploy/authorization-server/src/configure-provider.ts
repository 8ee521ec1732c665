import { generateKeyPairSync } from 'node:crypto';
import Provider, { type Adapter, errors } from 'oidc-provider';
import type { GrantStorage } from './grant-storage.ts';

/** The vault's client registration. */
export interface RegisteredClient {
  readonly id: string;
  readonly secret: string;
}

/** Lifetimes of tokens, in seconds. A refresh token's lifetime restarts with each rotation. */
export interface Lifetimes {
  readonly access: number;
  readonly refresh: number;
}

/** The identity endpoint requires `openid` (OpenID Connect Core §5.3). */
export const SCOPE = 'openid offline_access files';
/** Longer than any token: a grant ends only by revocation. */
const GRANT_S = 10 * 365 * 86_400;

/** The server: opaque tokens, and refresh tokens that rotate and whose reuse ends the grant. */
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

/** A storage in oidc-provider's form: one adapter per model. */
const adaptStorage =
  (storage: GrantStorage) =>
  (model: string): Adapter => {
    const keyOf = (id: string): string => `${model}:${id}`;
    return {
      find: (id) => storage.read(keyOf(id)),
      upsert: (id, payload, expiresIn) => storage.write(keyOf(id), payload, expiresIn, payload.grantId),
      // Two simultaneous requests with one token both found it unspent. The second to get here is a reuse.
      consume: async (id) => {
        if (await storage.spend(keyOf(id))) return;
        const { grantId } = (await storage.read(keyOf(id))) ?? {};
        if (grantId !== undefined) await endGrant(storage, grantId);
        throw new errors.InvalidGrant('refresh token already used');
      },
      destroy: (id) => storage.remove(keyOf(id)),
      revokeByGrantId: (grantId) => storage.removeGrant(grantId),
      // There are no log-ins and no device flow, hence neither sessions nor user codes.
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
    };
  };

/** Ends a grant with all its tokens. Removing the grant itself first also invalidates a token that is being issued. */
export const endGrant = async (storage: GrantStorage, grantId: string): Promise<void> => {
  await storage.remove(`Grant:${grantId}`);
  await storage.removeGrant(grantId);
};
