import { afterEach, expect, it } from 'vitest';
import { type AuthorizationServer, openAuthorizationServer } from './open-authorization-server.ts';

let server: AuthorizationServer;
afterEach(() => server.close());

interface Answer {
  readonly status: number;
  readonly access: string;
  readonly refresh: string;
  readonly error: string | undefined;
}

const post = async (url: string, form: Readonly<Record<string, string>>): Promise<Answer> => {
  const { id, secret } = server.client;
  const body = new URLSearchParams({ client_id: id, client_secret: secret, ...form });
  const response = await fetch(url, { method: 'POST', body });
  const text = await response.text();
  const answer = (text === '' ? {} : JSON.parse(text)) as Readonly<Record<string, string>>; // RFC 6749 §5: text fields
  return {
    status: response.status,
    access: answer['access_token'] ?? '',
    refresh: answer['refresh_token'] ?? '',
    error: answer['error'],
  };
};
const refresh = (token: string, more: Readonly<Record<string, string>> = {}) =>
  post(server.tokenUrl, { grant_type: 'refresh_token', refresh_token: token, ...more });

it('a consent leaves a working access token and a refresh token', async () => {
  server = await openAuthorizationServer({ lifetimes: { access: 77 } });
  const { access, refresh: token, expiresIn } = await server.consent('ada');
  expect(expiresIn).toBe(77);
  expect(await server.accepts(access)).toBe(true);
  const refreshed = await refresh(token);
  expect(refreshed.status).toBe(200);
  expect(await server.accepts(refreshed.access)).toBe(true);
});

it('an access token expires at the end of its lifetime', async () => {
  server = await openAuthorizationServer({ lifetimes: { access: 1 } });
  const { access } = await server.consent('ada');
  await expect.poll(() => server.accepts(access), { timeout: 5_000 }).toBe(false);
});

it('the identity endpoint returns the account of a token', async () => {
  server = await openAuthorizationServer();
  const { access } = await server.consent('ada');
  const answer = await fetch(server.identityUrl, { headers: { authorization: `Bearer ${access}` } });
  expect(await answer.json()).toEqual({ sub: 'ada' });
});

it('one of two simultaneous requests with the same refresh token is refused, and the grant ends', async () => {
  server = await openAuthorizationServer();
  const { access, refresh: token } = await server.consent('ada');
  const answers = await Promise.all([refresh(token), refresh(token)]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
  const winner = answers.find(({ status }) => status === 200);
  expect(await refresh(winner?.refresh ?? '')).toMatchObject({ status: 400, error: 'invalid_grant' });
  expect(await server.accepts(access)).toBe(false);
  expect(await server.accepts(winner?.access ?? '')).toBe(false);
});

it('an ended grant refuses refreshes, whichever of its refresh tokens it was ended by', async () => {
  server = await openAuthorizationServer();
  const first = await server.consent('ada');
  const other = await server.consent('ada');
  const second = await refresh(first.refresh);
  expect(await server.endGrant(first.refresh)).toBe(true);
  expect(await server.accepts(second.access)).toBe(false);
  expect(await refresh(second.refresh)).toMatchObject({ status: 400, error: 'invalid_grant' });
  expect(await server.endGrant('of nobody')).toBe(false);
  expect(await refresh(other.refresh)).toMatchObject({ status: 200 });
});

it('counts refreshes and introspections by result, and revocations', async () => {
  const results: string[] = [];
  server = await openAuthorizationServer({ onRefresh: (result) => results.push(result) });
  const { refresh: token } = await server.consent('ada');
  const refreshed = await refresh(token);
  await refresh('unknown');
  await refresh(refreshed.refresh, { client_secret: 'wrong' });
  await post(server.tokenUrl, { grant_type: 'authorization_code', code: 'none', redirect_uri: 'https://a.example' });
  await post(server.introspectionUrl, { token: refreshed.access });
  await post(server.introspectionUrl, { token });
  await post(server.introspectionUrl, { token: 'unknown' });
  await post(server.introspectionUrl, { token, client_secret: 'wrong' });
  expect(await post(server.revocationUrl, { token: refreshed.refresh })).toMatchObject({ status: 200 });
  expect(server.counts()).toEqual({
    refreshes: { total: 3, refreshed: 1, refused: 2 },
    revocations: 1,
    introspections: { active: 1, inactive: 2 },
  });
  expect(results).toEqual(['refreshed', 'refused', 'refused']);
});

it('a request takes effect before its answer is delayed', async () => {
  server = await openAuthorizationServer({ tokenLatencyMs: () => 60_000 });
  const { refresh: token } = await server.consent('ada');
  const abandoned = new AbortController();
  const { id, secret } = server.client;
  const form = { client_id: id, client_secret: secret, grant_type: 'refresh_token', refresh_token: token };
  const answer = fetch(server.tokenUrl, {
    method: 'POST',
    body: new URLSearchParams(form),
    signal: abandoned.signal,
  }).catch((error: Error) => error.name);
  await expect.poll(() => server.counts().refreshes.refreshed).toBe(1);
  abandoned.abort();
  expect(await answer).toBe('AbortError');
});

it('a lost request has no effect', async () => {
  let loses = true;
  server = await openAuthorizationServer({ losesRequest: () => loses });
  const { refresh: token } = await server.consent('ada');
  const signal = AbortSignal.timeout(200);
  await expect(fetch(server.tokenUrl, { method: 'POST', body: 'lost', signal })).rejects.toThrow('timeout');
  loses = false;
  expect(await refresh(token)).toMatchObject({ status: 200 });
  expect(server.counts().refreshes).toEqual({ total: 1, refreshed: 1, refused: 0 });
});

it('keeps more grants than the default store of the library would', async () => {
  server = await openAuthorizationServer();
  const { refresh: first } = await server.consent('ada');
  for (let count = 0; count < 2_000; count++) await server.consent(`user-${count}`);
  expect(await refresh(first)).toMatchObject({ status: 200 });
});

const askForConsent = (body: string, type = 'application/json') =>
  fetch(`${server.url}/consent`, { method: 'POST', body, headers: { 'content-type': type } });

it('POST /consent answers with a token response where it is enabled', async () => {
  server = await openAuthorizationServer({ consentRoute: true });
  const answer = await askForConsent('{"account":"u1"}');
  const { refresh_token: token, ...rest } = (await answer.json()) as Readonly<Record<string, string>>; // asserted below
  expect(rest).toMatchObject({ token_type: 'Bearer', expires_in: 120, scope: 'openid offline_access files' });
  expect(await refresh(token ?? '')).toMatchObject({ status: 200 });
});

it.each([
  ['no JSON', 'account'],
  ['no account', '{}'],
  ['an account that is no text', '{"account":1}'],
  ['plain text, which any page could send', '{"account":"u1"}', 'text/plain'],
])('POST /consent refuses %s', async (_what, body, type?) => {
  server = await openAuthorizationServer({ consentRoute: true });
  expect((await askForConsent(body, type)).status).toBe(400);
});

it('POST /consent is absent by default', async () => {
  server = await openAuthorizationServer();
  expect((await askForConsent('{"account":"u1"}')).status).toBe(404);
});

it('rejects when the port is taken', async () => {
  server = await openAuthorizationServer();
  await expect(openAuthorizationServer({ port: Number(new URL(server.url).port) })).rejects.toThrow('EADDRINUSE');
});
