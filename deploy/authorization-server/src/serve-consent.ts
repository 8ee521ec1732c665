import { json } from 'node:stream/consumers';
import type Provider from 'oidc-provider';
import type { ConsentTokens } from './consent.ts';

/**
 * `POST /consent {"account":"u1"}` answers a token response, without asking anybody: for development alone. It takes JSON
 * only, which a page of another site can not send without being asked first.
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
