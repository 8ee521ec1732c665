import type { ServerResponse } from 'node:http';
import { openHttpServer, sendJson } from '@vault-engine/authorization-server';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { afterEach, expect, it, vi } from 'vitest';
import { openOutbound } from '../outbound/open-outbound.ts';
import { testProfile } from '../testing/profile-of-test.ts';
import { introspectRefreshToken } from './introspect.ts';

const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(opened.splice(0).map((it) => it.close()));
});
const keep = <Opened extends { close: () => unknown }>(it: Opened): Opened => {
  opened.push(it);
  return it;
};

type Introspection = NonNullable<Parameters<typeof testProfile>[1]>['introspection'];

interface Asking {
  readonly introspection?: (url: string) => Introspection;
  readonly hosts?: { readonly param: string; readonly allowed: string[] };
}

/** Introspects at a server with this answer. */
const introspected = async (answer: (response: ServerResponse) => void, { introspection, hosts }: Asking = {}) => {
  const server = keep(await openHttpServer((_received, response) => answer(response)));
  const outbound = keep(openOutbound({ allowInsecureLoopback: true, timeoutMs: 200 }));
  const url = `${server.url}/introspect`;
  const profile = testProfile(`${server.url}/token`, {
    introspection: introspection ? introspection(url) : { url, refresh_tokens: true },
    ...(hosts && { hosts }),
  });
  const client = { id: 'client-1', secret: secretOf(Buffer.from('canary-secret')) };
  const deps = { outbound, now: () => 0 };
  const token = secretOf(Buffer.from('canary-refresh'));
  const state = await introspectRefreshToken({ profile, client }, token, { region: 'evil.example' }, deps);
  return { state, received: server.received };
};

const json = (status: number, body: unknown) => (response: ServerResponse) => void sendJson(response, status, body);

it('an active refresh token is unspent, an inactive one is spent', async () => {
  expect((await introspected(json(200, { active: true, exp: 1 }))).state).toBe('unspent');
  expect((await introspected(json(200, { active: false }))).state).toBe('spent');
});

it('the request has the token’s type as a hint (RFC 7662 §2.1), and authenticates by the profile', async () => {
  const { received } = await introspected(json(200, { active: true }));
  expect(received.map(({ method, path }) => [method, path])).toEqual([['POST', '/introspect']]);
  expect(Object.fromEntries(new URLSearchParams(received[0]?.body))).toEqual({
    token: 'canary-refresh',
    token_type_hint: 'refresh_token',
    client_id: 'client-1',
    client_secret: 'canary-secret',
  });
});

it.each<[string, Asking]>([
  ['has no introspection', { introspection: () => null }],
  ['does not say that refresh tokens can be introspected', { introspection: (url) => ({ url }) }],
  ['says that they can not', { introspection: (url) => ({ url, refresh_tokens: false }) }],
])('a provider whose profile %s gets no request', async (_name, asking) => {
  const { state, received } = await introspected(json(200, { active: true }), asking);
  expect([state, received]).toEqual(['unknown', []]);
});

it.each<[string, (response: ServerResponse) => void]>([
  ['500', json(500, { active: true })],
  ['401', json(401, { error: 'invalid_client' })],
  ['another 2xx', json(202, { active: true })],
  ['a redirect', (response) => void response.writeHead(307, { location: 'https://elsewhere.example/' }).end()],
  ['HTML', (response) => void response.end('<html>active</html>')],
  ['nothing', (response) => void response.end()],
  ['no object', json(200, [{ active: true }])],
  ['null', json(200, null)],
  ['no `active`', json(200, { token_type: 'refresh_token' })],
  ['text as `active`', json(200, { active: 'true' })],
  ['a number as `active`', json(200, { active: 1 })],
  ['half an answer', (response) => void response.writeHead(200, { 'content-length': '99' }).write('{"active":true}')],
  ['a cut', (response) => void response.destroy()],
  ['too late', () => undefined],
])('%s is no valid answer, and nothing is logged', async (_name, answer) => {
  const written = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write'), vi.spyOn(console, 'log')];
  const { state, received } = await introspected(answer);
  expect([state, received.length]).toEqual(['unknown', 1]);
  for (const one of written) expect(one).not.toHaveBeenCalled();
});

it('no request goes to a host that the profile does not allow', async () => {
  const hosts = { param: 'region', allowed: ['accounts.provider.example'] };
  const { state, received } = await introspected(json(200, { active: true }), { hosts });
  expect([state, received]).toEqual(['unknown', []]);
});
