import { afterEach, beforeEach, expect, it } from 'vitest';
import * as misbehave from './misbehaviours.ts';
import { type MisbehavingProvider, openMisbehavingProvider } from './open-misbehaving-provider.ts';

let provider: MisbehavingProvider;
beforeEach(async () => {
  provider = await openMisbehavingProvider();
});
afterEach(() => provider.close());

const ask = (token = 'first', signal = AbortSignal.timeout(10_000)) =>
  fetch(provider.tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }),
    redirect: 'manual',
    signal,
  });

it('answers with new tokens by default, and records the requests', async () => {
  expect(await (await ask('first')).json()).toEqual({
    access_token: 'access-1',
    refresh_token: 'refresh-1',
    token_type: 'Bearer',
    expires_in: 3_600,
  });
  await ask('second');
  expect(provider.refreshTokens()).toEqual(['first', 'second']);
  expect(provider.latest()?.refresh_token).toBe('refresh-2');
  expect(provider.requests).toHaveLength(2);
});

it('introspection calls a refresh token inactive once it was received, whatever the answer was (RFC 7662)', async () => {
  const active = async (token: string) => {
    const answer = await fetch(provider.introspectionUrl, { method: 'POST', body: new URLSearchParams({ token }) });
    return answer.json();
  };
  expect(await active('first')).toEqual({ active: true });
  provider.script(misbehave.serverError());
  await ask('first');
  expect([await active('first'), await active('second')]).toEqual([{ active: false }, { active: true }]);
  expect(provider.requests).toHaveLength(1);
});

it('reads refresh tokens from JSON requests', async () => {
  await fetch(provider.tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refresh_token: 'in-json' }),
  });
  expect(provider.refreshTokens()).toEqual(['in-json']);
});

it('follows the script request by request, then `otherwise`', async () => {
  provider.script(misbehave.invalidGrant(), misbehave.refresh());
  provider.otherwise(misbehave.serverError());
  const statuses = [(await ask()).status, (await ask()).status, (await ask()).status, (await ask()).status];
  expect(statuses).toEqual([400, 200, 500, 500]);
});

it.each([
  ['serverError', misbehave.serverError(), 500, { error: 'server_error' }],
  ['errorWithStatus200', misbehave.errorWithStatus200(), 200, { error: 'invalid_grant' }],
  ['notOk', misbehave.notOk(), 200, { ok: false, error: 'token_revoked' }],
  ['invalidClient', misbehave.invalidClient(), 401, { error: 'invalid_client' }],
  ['withoutExpiry', misbehave.withoutExpiry(), 200, { access_token: 'access-1', refresh_token: 'refresh-1' }],
  ['withoutRefreshToken', misbehave.withoutRefreshToken(), 200, { access_token: 'access-1', expires_in: 3_600 }],
])('%s answers with its status and body', async (_name, behaviour, status, body) => {
  provider.script(behaviour);
  const answer = await ask();
  expect(answer.status).toBe(status);
  const got = (await answer.json()) as Readonly<Record<string, unknown>>; // compared below
  expect({ ...got, token_type: undefined }).toEqual({ ...body, token_type: undefined });
});

it.each([
  ['throttle', misbehave.throttle(7), 429, 'retry-after', '7'],
  ['redirect', misbehave.redirect('https://elsewhere.example/'), 307, 'location', 'https://elsewhere.example/'],
  ['html', misbehave.html(), 200, 'content-type', 'text/html'],
  ['wrongContentType', misbehave.wrongContentType(), 200, 'content-type', 'text/plain'],
])('%s answers with its header', async (_name, behaviour, status, header, value) => {
  provider.script(behaviour);
  const answer = await ask();
  expect([answer.status, answer.headers.get(header)]).toEqual([status, value]);
});

it('slow answers late', async () => {
  provider.script(misbehave.slow(300));
  const began = performance.now();
  expect((await ask()).status).toBe(200);
  expect(performance.now() - began).toBeGreaterThanOrEqual(290);
});

it('hang never answers, and cut closes the connection after the request was read', async () => {
  provider.script(misbehave.hang(), misbehave.cut());
  await expect(ask('first', AbortSignal.timeout(200))).rejects.toThrow('timeout');
  await expect(ask('second')).rejects.toThrow('fetch failed');
  expect(provider.refreshTokens()).toEqual(['first', 'second']);
});

it('huge sends 50 MiB to a caller that reads, and stops when the caller closes the connection', async () => {
  provider.script(misbehave.huge(), misbehave.huge());
  expect((await (await ask()).arrayBuffer()).byteLength).toBeGreaterThan(50 * 1024 * 1024);
  const answer = await ask();
  await answer.body?.cancel();
  expect((await ask()).status).toBe(200);
});
