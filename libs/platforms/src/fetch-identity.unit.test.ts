import type { ServerResponse } from 'node:http';
import { openHttpServer, sendJson } from '@vault-engine/authorization-server';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { afterEach, expect, it } from 'vitest';
import { fetchIdentity } from './fetch-identity.ts';
import { openOutbound } from './outbound/open-outbound.ts';
import { testProfile } from './testing/profile-of-test.ts';

const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((it) => it.close()));
});
const keep = <Opened extends { close: () => unknown }>(it: Opened): Opened => {
  opened.push(it);
  return it;
};

const ask = async (
  answer: (response: ServerResponse) => void,
  paths: string[] | null,
  method: 'GET' | 'POST' = 'GET',
) => {
  const server = keep(await openHttpServer((_, response) => answer(response)));
  const identity = paths && { url: `${server.url}/me`, paths, method };
  const profile = testProfile(`${server.url}/token`, { identity, response: { ok_path: 'ok' } });
  const outbound = keep(openOutbound({ allowInsecureLoopback: true, timeoutMs: 2_000 }));
  const result = await fetchIdentity(profile, secretOf(Buffer.from('canary')), { outbound, now: Date.now });
  expect(JSON.stringify(result)).not.toContain('canary');
  return { result, received: server.received };
};
const json =
  (status: number, body: unknown) =>
  (response: ServerResponse): void =>
    sendJson(response, status, body);

it('sends the access token, and joins the profile’s fields to the account id', async () => {
  const { result, received } = await ask(json(200, { team: { id: 'T1' }, user: 7 }), ['team.id', 'user']);
  expect(result).toEqual({ ok: true, value: 'T1:7' });
  expect(received).toMatchObject([{ method: 'GET', path: '/me', headers: { authorization: 'Bearer canary' } }]);
});

it('uses POST where the profile says so', async () => {
  const { received } = await ask(json(200, { id: '1' }), ['id'], 'POST');
  expect(received).toMatchObject([{ method: 'POST', body: '', headers: { 'content-length': '0' } }]);
});

it('returns null, and sends nothing, where the profile has no identity URL', async () => {
  const { result, received } = await ask(json(200, {}), null);
  expect(result).toEqual({ ok: true, value: null });
  expect(received).toEqual([]);
});

it.each([
  ['refused', json(403, { error: 'canary' })],
  ['refused', json(200, { ok: false })],
  ['refused', (response: ServerResponse): void => void response.writeHead(302, { location: '/' }).end()],
  ['provider_error', json(500, {})],
  ['provider_error', json(429, {})],
  ['answer_unreadable', json(200, { other: 'canary' })],
  ['answer_unreadable', json(200, { id: 'x'.repeat(600) })],
  ['answer_unreadable', (response: ServerResponse): void => void response.end('<html>canary</html>')],
  ['no_answer', (response: ServerResponse): void => void response.destroy()],
  ['no_answer', (response: ServerResponse): void => void response.end('x'.repeat(1_100_000))],
] as const)('could not be found out: %s', async (reason, answer) => {
  expect((await ask(answer, ['id'])).result).toEqual({ ok: false, reason });
});
