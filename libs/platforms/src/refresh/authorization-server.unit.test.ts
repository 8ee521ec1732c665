import { type AuthorizationServer, openAuthorizationServer } from '@vault-engine/authorization-server';
import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Outbound, openOutbound } from '../outbound/open-outbound.ts';
import { revokeGrant } from '../revoke-grant.ts';
import { testProfile } from '../testing/profile-of-test.ts';
import { introspectRefreshToken } from './introspect.ts';
import { refreshGrant } from './refresh-grant.ts';

let server: AuthorizationServer;
let outbound: Outbound;
beforeAll(async () => {
  server = await openAuthorizationServer();
  outbound = openOutbound({ allowInsecureLoopback: true });
});
afterAll(async () => {
  outbound.close();
  await server.close();
});

type Written = Parameters<typeof testProfile>[1];
const profile = (written: Written = {}) =>
  testProfile(server.tokenUrl, {
    revoke: { url: server.revocationUrl, auth: 'post' },
    introspection: { url: server.introspectionUrl },
    ...written,
  });
const deps = () => ({ outbound, now: Date.now });
const client = (secret = server.client.secret) => ({ id: server.client.id, secret: secretOf(Buffer.from(secret)) });
const refresh = async (token: string, written: Written = {}, as = client()) =>
  refreshGrant(profile(written), as, secretOf(Buffer.from(token)), deps());
const refreshed = async (token: string, written: Written = {}) => {
  const outcome = await refresh(token, written);
  if (outcome.kind !== 'renewed' || outcome.refresh === null) return expect.fail(outcome.kind);
  return { ...outcome, access: reveal(outcome.access).toString(), refresh: reveal(outcome.refresh).toString() };
};
const consent = async () => (await server.consent('ada')).refresh;

it('each refresh gives a working access token and another refresh token', async () => {
  const before = Date.now();
  const first = await refreshed(await consent());
  const second = await refreshed(first.refresh);
  expect(new Set([first.access, second.access, first.refresh, second.refresh]).size).toBe(4);
  expect(await server.accepts(second.access)).toBe(true);
  expect(second).toMatchObject({ tokenType: 'Bearer', scopes: ['openid', 'offline_access', 'files'] });
  expect(second.expiresAt).toBeGreaterThanOrEqual(before + 120_000);
  expect(second.expiresAt).toBeLessThanOrEqual(Date.now() + 120_000);
});

it('reuse of a refresh token ends the grant: the second use and the rotated token are refused', async () => {
  const spent = await consent();
  const { refresh: rotated, access } = await refreshed(spent);
  const dead = { answeredBy: 'provider', says: 'grant_dead', reason: 'refused_by_provider', code: 'invalid_grant' };
  expect(await refresh(spent)).toMatchObject(dead);
  expect(await refresh(rotated)).toMatchObject(dead);
  expect(await server.accepts(access)).toBe(false);
});

it('a wrong client secret is the application’s fault, and does not spend the refresh token', async () => {
  const token = await consent();
  expect(await refresh(token, {}, client('wrong'))).toMatchObject({
    says: 'application_fault',
    reason: 'client_refused',
    code: 'invalid_client',
  });
  await refreshed(token);
});

it('introspection supplies the expiry that the answer lacks', async () => {
  const written: Written = {
    access: { none_means: 'introspect' },
    response: { slots: { main: { expires_in: null } } },
  };
  const { expiresAt } = await refreshed(await consent(), written);
  expect(Math.abs((expiresAt ?? 0) - (Date.now() + 120_000))).toBeLessThan(5_000);
});

it('introspection calls rotated refresh tokens spent, and all of an ended grant', async () => {
  const introspected = (token: string) =>
    introspectRefreshToken(
      { profile: profile({ introspection: { url: server.introspectionUrl, refresh_tokens: true } }), client: client() },
      secretOf(Buffer.from(token)),
      {},
      deps(),
    );
  const first = await consent();
  expect(await introspected(first)).toBe('unspent');
  const { refresh: second } = await refreshed(first);
  expect([await introspected(first), await introspected(second)]).toEqual(['spent', 'unspent']);
  // Introspection spent no token.
  const { refresh: third } = await refreshed(second);
  expect(await server.endGrant(third)).toBe(true);
  expect(await introspected(third)).toBe('spent');
});

it('a revoked grant refuses refreshes, and a second revocation succeeds (RFC 7009 §2.2)', async () => {
  const { refresh: token, access } = await refreshed(await consent());
  const tokens = { access: secretOf(Buffer.from(access)), refresh: secretOf(Buffer.from(token)) };
  expect(await revokeGrant(profile(), client(), tokens, deps())).toEqual({ kind: 'revoked' });
  expect(await refresh(token)).toMatchObject({ says: 'grant_dead' });
  expect(await revokeGrant(profile(), client(), tokens, deps())).toEqual({ kind: 'revoked' });
});
