import { openHttpServer, type Received, sendJson } from '@vault-engine/authorization-server';
import type { WrittenProfile } from '@vault-engine/platforms';
import { afterEach, expect, it } from 'vitest';
import { revoke, type Tokens } from '../refresh/connect.ts';
import { openRefreshes, type Refreshes } from '../refresh/open-refreshes.ts';

// A revocation ends the grant, not only one token, and says so only where it did. RFC 7009.

let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

type Revocation = Omit<NonNullable<WrittenProfile['revoke']>, 'url'>;

/** Revokes a connection at a provider. Returns the requests that the provider got, and the audit trail of the revocation. */
const revoked = async (
  revocation: Revocation,
  tokens: Tokens,
  answer: (received: Received) => [status: number, body: object] = () => [200, {}],
) => {
  const server = await openHttpServer((received, response) => {
    const [status, body] = received.path === '/token' ? [200, { access_token: 'fresh' }] : answer(received);
    sendJson(response, status, body);
  });
  closing.push(() => server.close());
  const its: Refreshes = await openRefreshes({
    profile: {
      display_name: 'Provider of a test',
      token: { url: `${server.url}/token` },
      revoke: { url: `${server.url}/revoke`, ...revocation },
    },
  });
  closing.push(() => its.close());
  const user = await its.connect(tokens);
  await revoke(its.vault, its.platform, user);
  return {
    sent: server.received.map(({ path, body }) => `${path} ${new URLSearchParams(body).get('token') ?? ''}`.trim()),
    clients: server.received.map(({ body }) => new URLSearchParams(body).get('client_id')),
    audited: its.auditOf(user).filter((entry) => entry.startsWith('RevokeGrant')),
  };
};

const TOKENS: Tokens = { access: 'access', refresh: 'refresh', expiresInMs: 3_600_000 };
const OK = ['RevokeGrant started', 'RevokeGrant ok'];

it('the client authenticates as at the token URL where the profile says nothing else', async () => {
  expect(await revoked({}, TOKENS)).toEqual({ sent: ['/revoke refresh'], clients: ['vault'], audited: OK });
});

it('both tokens are revoked where one does not end the other', async () => {
  const { sent, audited } = await revoked({ tokens: ['refresh', 'access'] }, TOKENS);
  expect([sent, audited]).toEqual([['/revoke refresh', '/revoke access'], OK]);
});

it('a connection without a refresh token is ended by its access token', async () => {
  const { sent, audited } = await revoked({}, { ...TOKENS, refresh: null });
  expect([sent, audited]).toEqual([['/revoke access'], OK]);
});

it('an expired access token is refreshed first where only access tokens can be revoked', async () => {
  const { sent, audited } = await revoked({ token: 'access' }, { ...TOKENS, expiresInMs: -1 });
  expect([sent, audited]).toEqual([['/token', '/revoke fresh'], OK]);
});

it('what is already dead is a success', async () => {
  const { audited } = await revoked({ gone: ['invalid_request'] }, TOKENS, () => [400, { error: 'invalid_request' }]);
  expect(audited).toEqual(OK);
});
