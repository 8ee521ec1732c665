import { json } from 'node:stream/consumers';
import type Provider from 'oidc-provider';
import { SCOPE } from './configure-provider.ts';

/** The tokens that an engine gets by a user's consent. */
export interface ConsentTokens {
  readonly access: string;
  readonly refresh: string;
  /** Lifetime of the access token, seconds. */
  readonly expiresIn: number;
  readonly scope: string;
}

/** Grants all scopes for `accountId`, as if its user had logged in and agreed in a browser. */
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

/**
 * Serves `POST /consent {"account":"u1"}`, which answers with a token response and asks no user: for development only. It
 * takes only JSON, which a page of another site can't send without a CORS preflight.
 */
export const serveConsent = (provider: Provider, consent: (account: string) => Promise<ConsentTokens>): void => {
  provider.use(async (context, next) => {
    if (context.path !== '/consent') return next();
    const account = context.method === 'POST' && context.is('application/json') ? await accountIn(context.req) : null;
    if (account === null) {
      context.status = 400;
      context.body = { error: 'invalid_request', error_description: 'expected POST {"account":"<name>"} as JSON' };
      return;
    }
    const { access, refresh, expiresIn, scope } = await consent(account);
    context.set('cache-control', 'no-store');
    context.body = {
      access_token: access,
      token_type: 'Bearer',
      refresh_token: refresh,
      expires_in: expiresIn,
      scope,
    };
  });
};

const accountIn = async (body: NodeJS.ReadableStream): Promise<string | null> => {
  const parsed: unknown = await json(body).catch(() => null);
  const account = typeof parsed === 'object' && parsed !== null && 'account' in parsed ? parsed.account : null;
  return typeof account === 'string' && /^[\w.@+-]{1,128}$/.test(account) ? account : null;
};
