import type Provider from 'oidc-provider';
import { SCOPE } from './configure-provider.ts';

/** What a user's consent leaves an engine with. */
export interface ConsentTokens {
  readonly access: string;
  readonly refresh: string;
  /** In how many seconds the access token lapses. */
  readonly expiresIn: number;
  readonly scope: string;
}

/** Grants everything in the name of `accountId`, as if its user had logged in and agreed in a browser. */
export const consent = async (provider: Provider, clientId: string, accountId: string): Promise<ConsentTokens> => {
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error('the client is not registered');
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(SCOPE);
  const of = { accountId, client, grantId: await grant.save(), scope: SCOPE, gty: 'authorization_code' };
  const access = new provider.AccessToken({ ...of, expiresWithSession: false });
  const refresh = new provider.RefreshToken({ ...of, expiresWithSession: false });
  return { access: await access.save(), refresh: await refresh.save(), expiresIn: access.expiration, scope: SCOPE };
};
