import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Secret } from '@vault-engine/crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import Provider from 'oidc-provider';

/** A certified OAuth server on loopback, with refresh tokens that rotate, reuse of which ends the grant. */
export interface AuthorizationServer {
  readonly url: string;
  /** As what the vault is registered. */
  readonly client: () => { id: string; secret: Secret };
  /** What a user's consent leaves an engine with. */
  readonly consent: (account: string) => Promise<{ refresh: Secret }>;
  /** Whether the server takes this access token. */
  readonly accepts: (accessToken: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

const CLIENT = { id: 'vault', secret: 'client-secret-of-the-authorization-server' };
const SCOPE = 'files offline_access';

/** Opens one. Lifetimes are in seconds. */
export const openAuthorizationServer = async (
  lifetimes = { access: 120, refresh: 3_600 },
): Promise<AuthorizationServer> => {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo; // it listens on a port
  const url = `http://127.0.0.1:${port}`;
  const provider = newProvider(url, lifetimes);
  http.on('request', provider.callback());
  return {
    url,
    client: () => ({ id: CLIENT.id, secret: secretOf(Buffer.from(CLIENT.secret)) }),
    consent: async (account) => ({ refresh: secretOf(Buffer.from(await consent(provider, account))) }),
    accepts: async (accessToken) => (await provider.AccessToken.find(accessToken)) !== undefined,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
};

const newProvider = (url: string, { access, refresh }: { access: number; refresh: number }): Provider =>
  new Provider(url, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: ['https://engine.example/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    scopes: ['files', 'offline_access'],
    rotateRefreshToken: true,
    ttl: { AccessToken: access, RefreshToken: refresh, Grant: refresh },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
    },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });

const consent = async (provider: Provider, accountId: string): Promise<string> => {
  const client = await provider.Client.find(CLIENT.id);
  if (!client) throw new Error('the client is not registered');
  const grant = new provider.Grant({ accountId, clientId: CLIENT.id });
  grant.addOIDCScope(SCOPE);
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId,
    client,
    grantId,
    gty: 'authorization_code',
    scope: SCOPE,
    expiresWithSession: false,
  });
  return token.save();
};
