import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import {
  openHttpServer,
  openTcpServer,
  type Received,
  sendJson,
  type TestServer,
} from '@vault-engine/authorization-server';
import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import type { RefreshOutcome } from '@vault-engine/vault';
import { afterEach, describe, expect, it } from 'vitest';
import { openOutbound } from '../outbound/open-outbound.ts';
import type { PlatformProfile } from '../profiles/platform-catalog.ts';
import { testProfile } from '../testing/profile-of-test.ts';
import { refreshGrant } from './refresh-grant.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const CANARIES = { refresh: 'canary-refresh', secret: 'canary-secret', access: 'canary-access', next: 'canary-next' };
const TOKENS = { access_token: CANARIES.access, token_type: 'Bearer', expires_in: 3600, refresh_token: CANARIES.next };
const client = () => ({ id: 'client-1', secret: secretOf(Buffer.from(CANARIES.secret)) });

const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((it) => it.close()));
});
const keep = <Opened extends { close: () => unknown }>(it: Opened): Opened => {
  opened.push(it);
  return it;
};
const answering = async (answer: (response: ServerResponse, received: Received) => void): Promise<TestServer> =>
  keep(await openHttpServer((received, response) => answer(response, received)));
const answeringJson = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  answering((response) => sendJson(response, status, body, headers));

type Written = Parameters<typeof testProfile>[1];

/** Refreshes at `server`. No outcome shows a canary. */
const refreshAt = async (
  server: { readonly url: string },
  written: Written | PlatformProfile = {},
  more: {
    readonly timeoutMs?: number;
    readonly cancelled?: AbortSignal;
    readonly params?: Record<string, string>;
  } = {},
): Promise<RefreshOutcome> => {
  const outbound = keep(openOutbound({ allowInsecureLoopback: true, timeoutMs: more.timeoutMs ?? 2_000 }));
  const profile = 'id' in written ? written : testProfile(`${server.url}/token`, written);
  const deps = { outbound, now: () => NOW, ...(more.cancelled && { cancelled: more.cancelled }) };
  const outcome = await refreshGrant(profile, client(), secretOf(Buffer.from(CANARIES.refresh)), deps, more.params);
  expect(inspect(outcome, { depth: 9, showHidden: true }) + JSON.stringify(outcome)).not.toMatch(/canary/);
  return outcome;
};
const refreshed = (outcome: RefreshOutcome) => (outcome.kind === 'renewed' ? outcome : expect.fail(outcome.kind));

describe('a good answer', () => {
  it('gives access and refresh token with their expiry', async () => {
    const outcome = refreshed(await refreshAt(await answeringJson(200, { ...TOKENS, scope: 'a b' })));
    expect(reveal(outcome.access).toString()).toBe(CANARIES.access);
    expect(outcome.refresh && reveal(outcome.refresh).toString()).toBe(CANARIES.next);
    expect(outcome).toMatchObject({
      expiresAt: NOW + 3_600_000,
      refreshExpiresAt: null,
      scopes: ['a', 'b'],
      tokenType: 'Bearer',
      params: {},
    });
  });

  it('keeps only what the profile names, however often the answer repeats the tokens', async () => {
    const copies = { ...TOKENS, raw: TOKENS, history: [TOKENS, [TOKENS]], text: JSON.stringify(TOKENS) };
    const answer = { ...TOKENS, tenant: { id: 't1', ...copies }, authed_user: copies, debug: JSON.stringify(copies) };
    const response = { params: { tenant: 'tenant.id', whole: 'tenant', history: 'tenant.history' } };
    const outcome = refreshed(await refreshAt(await answeringJson(200, answer), { response }));
    expect(outcome.params).toEqual({ tenant: 't1' });
    expect(Object.keys(outcome).toSorted()).toEqual(
      ['access', 'expiresAt', 'kind', 'params', 'refresh', 'refreshExpiresAt', 'scopes', 'tokenType'].toSorted(),
    );
  });

  it('never makes a token a parameter of the connection, whatever the profile says', async () => {
    const response = { params: { refresh: 'refresh_token', access: 'nested.again', tenant: 'tenant' } };
    const answer = { ...TOKENS, nested: { again: CANARIES.access }, tenant: 't1' };
    expect(refreshed(await refreshAt(await answeringJson(200, answer), { response })).params).toEqual({ tenant: 't1' });
  });

  it('without a refresh token keeps the old one (RFC 6749 §6), without scopes the old scopes', async () => {
    const { refresh_token: _, ...tokens } = TOKENS;
    expect(await refreshAt(await answeringJson(200, tokens))).toMatchObject({ refresh: null, scopes: null });
  });

  it('without expires_in never expires, or has the profile’s default lifetime', async () => {
    const { expires_in: _, ...tokens } = TOKENS;
    const server = await answeringJson(200, tokens);
    expect(await refreshAt(server)).toMatchObject({ kind: 'renewed', expiresAt: null });
    const access = { none_means: 'use_default', default_ttl_s: 600 } as const;
    expect(await refreshAt(server, { access })).toMatchObject({ expiresAt: NOW + 600_000 });
  });

  it.each([[0], [-1], ['soon'], [null], [1e300], [{}]])('ignores expires_in %j', async (expires_in) => {
    expect(await refreshAt(await answeringJson(200, { ...TOKENS, expires_in }))).toMatchObject({ expiresAt: null });
  });

  it('may have expires_in as text', async () => {
    const server = await answeringJson(200, { ...TOKENS, expires_in: '60' });
    expect(await refreshAt(server)).toMatchObject({ expiresAt: NOW + 60_000 });
  });

  it('without token_type means Bearer', async () => {
    const { token_type: _, ...tokens } = TOKENS;
    expect(await refreshAt(await answeringJson(200, tokens))).toMatchObject({ tokenType: 'Bearer' });
  });

  it('has the expiry of the refresh token, else the profile’s idle time applies', async () => {
    const server = await answeringJson(200, { ...TOKENS, refresh_in: 7_200 });
    const response = { slots: { main: { refresh_expires_in: 'refresh_in' } } };
    const refresh_ttl = { idle_d: 2 };
    expect(await refreshAt(server, { response, refresh_ttl })).toMatchObject({ refreshExpiresAt: NOW + 7_200_000 });
    expect(await refreshAt(server, { refresh_ttl })).toMatchObject({ refreshExpiresAt: NOW + 2 * 86_400_000 });
  });

  it('is read from the first slot with a token, main before others', async () => {
    const response = { slots: { user: { root: 'authed_user', token_type: null }, main: {} } };
    const person = { access_token: 'xoxp', token_type: 'user', refresh_token: 'xoxe', expires_in: 60 };
    const both = refreshed(await refreshAt(await answeringJson(200, { ...TOKENS, authed_user: person }), { response }));
    expect(reveal(both.access).toString()).toBe(CANARIES.access);
    const one = refreshed(await refreshAt(await answeringJson(200, { ok: true, authed_user: person }), { response }));
    expect(reveal(one.access).toString()).toBe('xoxp');
    expect(one).toMatchObject({ tokenType: 'Bearer', expiresAt: NOW + 60_000 });
  });

  it('has the parameters that the profile names, and scopes by its separator', async () => {
    const response = { scope_separator: ',', params: { instance_url: 'urls.instance', absent: 'x' } };
    const body = { ...TOKENS, scope: 'repo, gist', urls: { instance: 'https://i.example' } };
    expect(await refreshAt(await answeringJson(200, body), { response })).toMatchObject({
      scopes: ['repo', 'gist'],
      params: { instance_url: 'https://i.example' },
    });
  });

  it('with a wrong content type is read, because refusing it would lose its tokens', async () => {
    for (const type of ['text/html', 'text/plain;charset=utf-8', 'application/octet-stream']) {
      const server = await answering((response) =>
        response.writeHead(200, { 'content-type': type }).end(JSON.stringify(TOKENS)),
      );
      expect(await refreshAt(server)).toMatchObject({ kind: 'renewed' });
    }
  });

  it('may be slow', async () => {
    const server = await answering((response) => void setTimeout(() => sendJson(response, 200, TOKENS), 300));
    expect(await refreshAt(server)).toMatchObject({ kind: 'renewed' });
  });
});

describe('introspection', () => {
  const { expires_in: _, ...tokens } = TOKENS;
  const introspecting = async (answer: (response: ServerResponse) => void) => {
    const server = await answering((response, { path }) =>
      path === '/token' ? sendJson(response, 200, tokens) : answer(response),
    );
    const written: Written = {
      access: { none_means: 'introspect', default_ttl_s: 600 },
      introspection: { url: `${server.url}/introspect` },
    };
    return { server, outcome: await refreshAt(server, written) };
  };

  it('supplies the expiry of the new token', async () => {
    const exp = NOW / 1_000 + 7_200;
    const { server, outcome } = await introspecting((response) => sendJson(response, 200, { active: true, exp }));
    expect(outcome).toMatchObject({ kind: 'renewed', expiresAt: NOW + 7_200_000 });
    expect(new URLSearchParams(server.received[1]?.body).get('token')).toBe(CANARIES.access);
  });

  it.each([
    ['fails', (response: ServerResponse) => sendJson(response, 500, {})],
    ['calls the token inactive', (response: ServerResponse) => sendJson(response, 200, { active: false })],
    ['is no JSON', (response: ServerResponse) => response.end('<html>')],
    ['is cut', (response: ServerResponse) => response.destroy()],
  ])('that %s loses no token', async (_name, answer) => {
    const { outcome } = await introspecting((response) => void answer(response));
    expect(outcome).toMatchObject({ kind: 'renewed', expiresAt: NOW + 600_000 });
  });
});

describe('the request', () => {
  const sent = async (written: Written) => {
    const server = await answeringJson(200, TOKENS);
    await refreshAt(server, written);
    return server.received[0] ?? expect.fail('nothing was received');
  };
  const basic = `Basic ${Buffer.from(`client-1:${CANARIES.secret}`).toString('base64')}`;

  it('is a form with the client’s id and secret by default', async () => {
    const { method, path, headers, body } = await sent({});
    expect([method, path]).toEqual(['POST', '/token']);
    expect(headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      'user-agent': 'vault-engine',
    });
    expect(headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: CANARIES.refresh,
      client_id: 'client-1',
      client_secret: CANARIES.secret,
    });
  });

  it('has no secret in its body when it authenticates by HTTP Basic', async () => {
    const { headers, body } = await sent({ auth: 'basic' });
    // `-` is not escaped, for servers that do not decode.
    expect(headers.authorization).toBe(basic);
    expect(body).not.toContain(CANARIES.secret);
  });

  it.each([
    ['basic', 'p%C3%A4+s%3A%25%2Fx'],
    ['basic_raw', 'pä s:%/x'],
    ['basic_percent', 'p%C3%A4%20s%3A%25%2Fx'],
  ] as const)('has a secret with special characters as %s: %s', async (auth, spelled) => {
    const server = await answeringJson(200, TOKENS);
    const profile = testProfile(`${server.url}/token`, { auth });
    const outbound = keep(openOutbound({ allowInsecureLoopback: true }));
    const special = { id: 'client-1', secret: secretOf(Buffer.from('pä s:%/x')) };
    await refreshGrant(profile, special, secretOf(Buffer.from('x')), { outbound, now: () => NOW });
    const { authorization = '' } = server.received[0]?.headers ?? {};
    expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()).toBe(`client-1:${spelled}`);
    expect(server.received[0]?.body).not.toContain('client');
  });

  it('only names the client where the profile has auth none', async () => {
    const { headers, body } = await sent({ auth: 'none' });
    expect(headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(body))).toMatchObject({ client_id: 'client-1' });
    expect(body).not.toContain(CANARIES.secret);
  });

  it('is JSON with the profile’s headers and parameters where the profile says so', async () => {
    const { headers, body } = await sent({
      auth: 'basic',
      body: 'json',
      headers: { 'Notion-Version': '2025-09-03', 'User-Agent': 'mine' },
      refresh: { params: { grant_type: 'refresh_token', audience: 'x' } },
    });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'notion-version': '2025-09-03',
      'user-agent': 'mine',
    });
    expect(JSON.parse(body)).toEqual({
      grant_type: 'refresh_token',
      refresh_token: CANARIES.refresh,
      audience: 'x',
    });
  });

  it('goes to the refresh URL where the profile has one', async () => {
    const server = await answeringJson(200, TOKENS);
    await refreshAt(server, { refresh: { url: `${server.url}/other` } });
    expect(server.received.map(({ path }) => path)).toEqual(['/other']);
  });

  it('never goes to a host from a connection’s parameter that the profile does not allow', async () => {
    const server = await answeringJson(200, TOKENS);
    const hosts = { param: 'region', allowed: ['accounts.provider.example'] };
    for (const region of ['evil.example', 'https://accounts.provider.example@evil.example', '127.0.0.1', '//x'])
      expect(await refreshAt(server, { hosts }, { params: { region } })).toMatchObject({
        says: 'application_fault',
        reason: 'host_not_allowed',
      });
    expect(await refreshAt(server, { hosts }, { params: { other: 'x' } })).toMatchObject({ kind: 'renewed' });
    expect(server.received).toHaveLength(1);
  });

  it('never reuses a TCP connection when it spends a refresh token that rotates without grace', async () => {
    const server = await answeringJson(200, TOKENS);
    const outbound = keep(openOutbound({ allowInsecureLoopback: true }));
    const carriers = async (mode: 'always' | 'never', grace_s = 0) => {
      const profile = testProfile(`${server.url}/token`, { rotation: { mode, grace_s } });
      const before = server.received.length;
      for (const _ of [1, 2])
        await refreshGrant(profile, client(), secretOf(Buffer.from('x')), { outbound, now: () => NOW });
      return new Set(server.received.slice(before).map(({ connection }) => connection)).size;
    };
    expect([await carriers('always'), await carriers('never'), await carriers('always', 600)]).toEqual([2, 1, 1]);
  });
});

const OK_FALSE = { response: { ok_path: 'ok' }, errors: { grant_dead: ['invalid_refresh_token'] } };

describe('a misbehaving server:', () => {
  it('500', async () => {
    const outcome = await refreshAt(await answeringJson(500, { error: 'canary' }));
    expect(outcome).toEqual({
      kind: 'failed',
      answeredBy: 'front',
      says: 'transient',
      reason: 'provider_error',
      status: 500,
      code: null,
      retryAfterMs: null,
    });
  });

  it('429 with Retry-After in seconds', async () => {
    const server = await answeringJson(429, {}, { 'retry-after': '17' });
    expect(await refreshAt(server)).toMatchObject({
      says: 'throttled',
      reason: 'rate_limited',
      code: null,
      retryAfterMs: 17_000,
    });
  });

  it('429 with Retry-After as a date', async () => {
    const server = await answeringJson(429, {}, { 'retry-after': new Date(NOW + 90_000).toUTCString() });
    expect(await refreshAt(server)).toMatchObject({ says: 'throttled', retryAfterMs: 90_000 });
  });

  it('503 with an OAuth error and Retry-After', async () => {
    const server = await answeringJson(503, { error: 'temporarily_unavailable' }, { 'retry-after': '5' });
    expect(await refreshAt(server)).toMatchObject({ answeredBy: 'provider', says: 'transient', retryAfterMs: 5_000 });
  });

  it('503 with invalid_grant, which proves nothing about the grant', async () => {
    expect(await refreshAt(await answeringJson(503, { error: 'invalid_grant' }))).toMatchObject({ says: 'transient' });
  });

  it('200 with an error body', async () => {
    const server = await answeringJson(200, { error: 'bad_refresh_token', error_description: 'canary' });
    expect(await refreshAt(server, { errors: { grant_dead: ['bad_refresh_token'] } })).toMatchObject({
      says: 'grant_dead',
      reason: 'refused_by_provider',
      code: 'bad_refresh_token',
    });
  });

  it('200 with ok: false', async () => {
    const server = await answeringJson(200, { ok: false, error: 'invalid_refresh_token' });
    expect(await refreshAt(server, OK_FALSE)).toMatchObject({
      answeredBy: 'provider',
      says: 'grant_dead',
      code: 'invalid_refresh_token',
    });
    expect(await refreshAt(await answeringJson(200, { ok: false }), OK_FALSE)).toMatchObject({
      says: 'application_fault',
      reason: 'unexplained_refusal',
    });
  });

  it('200 without a usable access token: a new refresh token is kept, else the outcome is unknown', async () => {
    const { access_token: _, ...rest } = TOKENS;
    for (const [body, reason] of [
      [rest, 'access_token_missing'],
      [{ ...rest, access_token: '' }, 'access_token_missing'],
      [{ ...rest, access_token: null }, 'access_token_missing'],
      [{ ...TOKENS, access_token: 'é' }, 'access_token_invalid'],
      [{ ...TOKENS, access_token: 'x'.repeat(32_769) }, 'access_token_too_long'],
    ] as const) {
      const outcome = await refreshAt(await answeringJson(200, body));
      expect(outcome).toMatchObject({
        kind: 'access_unusable',
        fault: reason === 'access_token_missing' ? 'provider_unavailable' : 'provider_misconfigured',
        reason,
        refreshExpiresAt: null,
      });
      expect('refresh' in outcome && outcome.refresh && reveal(outcome.refresh).toString()).toBe(CANARIES.next);
      const alone = { ...body, refresh_token: undefined };
      expect(await refreshAt(await answeringJson(200, alone))).toMatchObject({
        answeredBy: 'none',
        reason: 'answer_incomplete',
      });
    }
  });

  it('200 with an unusable refresh token: the access token is kept', async () => {
    const outcome = refreshed(
      await refreshAt(await answeringJson(200, { ...TOKENS, refresh_token: 'x'.repeat(40_000) })),
    );
    expect([reveal(outcome.access).toString(), outcome.refresh]).toEqual([CANARIES.access, null]);
  });

  it('HTML', async () => {
    const html = (status: number) =>
      answering((response) => response.writeHead(status, { 'content-type': 'text/html' }).end('<html>canary</html>'));
    expect(await refreshAt(await html(200))).toMatchObject({ answeredBy: 'none', reason: 'answer_unreadable' });
    expect(await refreshAt(await html(403))).toMatchObject({
      says: 'application_fault',
      reason: 'unexplained_refusal',
    });
    expect(await refreshAt(await html(502))).toMatchObject({
      answeredBy: 'front',
      says: 'transient',
      reason: 'provider_error',
    });
  });

  it('JSON that is no object', async () => {
    for (const body of [[TOKENS], 'canary', 1, null])
      expect(await refreshAt(await answeringJson(200, body))).toMatchObject({ answeredBy: 'none' });
  });

  it('a body of 50 MB, which is not read to its end', async () => {
    let written = 0;
    const server = await answering((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(50 * 2 ** 20) });
      const chunk = Buffer.alloc(2 ** 16, 0x20);
      const more = () => {
        while (written < 50 * 2 ** 20 && !response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
      };
      more();
    });
    expect(await refreshAt(server)).toMatchObject({ answeredBy: 'none', reason: 'answer_too_large' });
    expect(written).toBeLessThan(25 * 2 ** 20);
  });

  it('a redirect', async () => {
    const server = await answering((response) =>
      response.writeHead(307, { location: `${server.url}/elsewhere` }).end(),
    );
    expect(await refreshAt(server)).toMatchObject({
      answeredBy: 'front',
      says: 'application_fault',
      reason: 'redirected',
    });
    expect(server.received).toHaveLength(1);
  });

  it('invalid_client, which is the application’s fault', async () => {
    expect(await refreshAt(await answeringJson(401, { error: 'invalid_client' }))).toMatchObject({
      says: 'application_fault',
      reason: 'client_refused',
      code: 'invalid_client',
    });
  });

  it.each([400, 401, 403])('invalid_grant with status %i', async (status) => {
    expect(await refreshAt(await answeringJson(status, { error: 'invalid_grant' }))).toMatchObject({
      answeredBy: 'provider',
      says: 'grant_dead',
    });
  });

  it('an unlisted error code, which is not repeated', async () => {
    expect(await refreshAt(await answeringJson(400, { error: `canary ${CANARIES.refresh}` }))).toMatchObject({
      says: 'application_fault',
      reason: 'unknown_error',
      code: null,
    });
  });

  it('hangs after the request', async () => {
    expect(await refreshAt(await answering(() => undefined), {}, { timeoutMs: 150 })).toMatchObject({
      answeredBy: 'none',
      reason: 'timeout',
    });
  });

  it('hangs before the request could be sent', async () => {
    const server = keep(await openTcpServer(() => undefined));
    const profile = testProfile(`https://localhost:${server.port}/token`);
    expect(await refreshAt(server, profile, { timeoutMs: 150 })).toMatchObject({
      answeredBy: 'not_sent',
      reason: 'timeout',
    });
  });

  it('cuts the connection after the request', async () => {
    expect(await refreshAt(await answering((response) => response.destroy()))).toMatchObject({
      answeredBy: 'none',
      reason: 'connection_cut',
    });
  });

  it('cuts the connection before the request', async () => {
    const server = keep(await openTcpServer((socket) => socket.once('data', () => socket.destroy())));
    const profile = testProfile(`https://localhost:${server.port}/token`);
    expect(await refreshAt(server, profile)).toMatchObject({
      answeredBy: 'not_sent',
      says: 'transient',
      reason: 'tls_failed',
    });
    await server.close();
    expect(await refreshAt(server, profile)).toMatchObject({
      answeredBy: 'not_sent',
      says: 'transient',
      reason: 'unreachable',
    });
  });

  it('cuts its answer: a success is unknown then, a refusal still counts', async () => {
    const cut = (status: number) =>
      answering((response) => {
        response.writeHead(status, { 'content-length': '500' }).write('{"access_token":"canary');
        setTimeout(() => response.destroy(), 20);
      });
    expect(await refreshAt(await cut(200))).toMatchObject({ answeredBy: 'none', reason: 'answer_cut' });
    expect(await refreshAt(await cut(400))).toMatchObject({
      answeredBy: 'front',
      says: 'transient',
      reason: 'answer_cut',
    });
    expect(await refreshAt(await cut(429))).toMatchObject({ answeredBy: 'provider', says: 'throttled' });
  });

  it('inherited names (__proto__) are no fields', async () => {
    const response = { slots: { main: { root: '__proto__', access: 'constructor' } } };
    expect(await refreshAt(await answeringJson(200, {}), { response })).toMatchObject({ reason: 'answer_incomplete' });
  });
});

it('a refresh that is cancelled before it is sent sends nothing', async () => {
  const server = await answeringJson(200, TOKENS);
  expect(await refreshAt(server, {}, { cancelled: AbortSignal.abort() })).toMatchObject({
    answeredBy: 'not_sent',
    reason: 'cancelled',
  });
  expect(server.received).toEqual([]);
});

it('a host that resolves to a private address gets no token', async () => {
  const profile = testProfile('https://provider.example/token');
  const resolve = async () => [{ address: '10.0.0.1', family: 4 }];
  const outbound = keep(openOutbound({ allowInsecureLoopback: false, resolve }));
  const outcome = await refreshGrant(profile, client(), secretOf(Buffer.from('x')), { outbound, now: () => NOW });
  expect(outcome).toMatchObject({ answeredBy: 'not_sent', says: 'application_fault', reason: 'address_refused' });
});
