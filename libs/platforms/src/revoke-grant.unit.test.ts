import type { ServerResponse } from 'node:http';
import { openHttpServer, type Received, sendJson, type TestServer } from '@vault-engine/authorization-server';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { afterEach, describe, expect, it } from 'vitest';
import { openOutbound } from './outbound/open-outbound.ts';
import { type GrantTokens, revokeGrant } from './revoke-grant.ts';
import { testProfile } from './testing/profile-of-test.ts';

const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((it) => it.close()));
});
const keep = <Opened extends { close: () => unknown }>(it: Opened): Opened => {
  opened.push(it);
  return it;
};

type Written = NonNullable<Parameters<typeof testProfile>[1]>;
const secret = (text: string) => secretOf(Buffer.from(text));
const BOTH = (): GrantTokens => ({ access: secret('canary access'), refresh: secret('canary refresh') });

const serverThat = async (answer: (response: ServerResponse, received: Received) => void): Promise<TestServer> =>
  keep(await openHttpServer((received, response) => answer(response, received)));
const revokeAt = (server: TestServer, written: Written, tokens = BOTH()) =>
  revokeGrant(testProfile(`${server.url}/token`, written), { id: 'client 1', secret: secret('s') }, tokens, {
    outbound: keep(openOutbound({ allowInsecureLoopback: true, timeoutMs: 2_000 })),
    now: Date.now,
  });

describe('the request follows the profile:', () => {
  const ok = () => serverThat((response) => response.end());

  it('RFC 7009, with the client’s credentials as at the token URL', async () => {
    const server = await ok();
    expect(await revokeAt(server, { revoke: { url: `${server.url}/revoke` } })).toEqual({
      kind: 'revoked',
    });
    expect(server.received).toMatchObject([{ method: 'POST', path: '/revoke' }]);
    expect(Object.fromEntries(new URLSearchParams(server.received[0]?.body))).toEqual({
      token: 'canary refresh',
      client_id: 'client 1',
      client_secret: 's',
    });
  });

  it('the token alone', async () => {
    const server = await ok();
    await revokeAt(server, { revoke: { url: `${server.url}/revoke`, auth: 'none' } });
    expect(server.received[0]?.body).toBe('token=canary+refresh');
  });

  it('DELETE with JSON, the client in the path and in the header', async () => {
    const server = await ok();
    await revokeAt(server, {
      revoke: {
        method: 'DELETE',
        url: `${server.url}/applications/{client_id}/grant`,
        auth: 'basic',
        body: 'json',
        token: 'access',
        field: 'access_token',
      },
    });
    expect(server.received).toMatchObject([
      {
        method: 'DELETE',
        path: '/applications/client%201/grant',
        body: '{"access_token":"canary access"}',
        headers: { authorization: `Basic ${Buffer.from('client+1:s').toString('base64')}` },
      },
    ]);
  });

  it('DELETE with the token in the path', async () => {
    const server = await ok();
    await revokeAt(server, { revoke: { method: 'DELETE', url: `${server.url}/tokens/{token}`, body: 'none' } });
    expect(server.received).toMatchObject([{ path: '/tokens/canary%20refresh', body: '' }]);
  });

  it('the token itself as bearer', async () => {
    const server = await ok();
    await revokeAt(server, { revoke: { url: server.url, auth: 'bearer', body: 'none', token: 'access' } });
    expect(server.received).toMatchObject([{ headers: { authorization: 'Bearer canary access' }, body: '' }]);
  });
});

describe('the tokens that are sent', () => {
  const bodies = (server: TestServer) => server.received.map(({ body }) => new URLSearchParams(body).get('token'));

  it('are both, in the profile’s order, where one does not end the other', async () => {
    const server = await serverThat((response) => response.end());
    const written: Written = { revoke: { url: server.url, tokens: ['refresh', 'access'] } };
    expect(await revokeAt(server, written)).toEqual({ kind: 'revoked' });
    expect(bodies(server)).toEqual(['canary refresh', 'canary access']);
  });

  it('are both although the first fails, which is the outcome then', async () => {
    const server = await serverThat((response, { body }) =>
      sendJson(response, body.includes('canary+refresh') ? 503 : 200, {}),
    );
    const written: Written = { revoke: { url: server.url, tokens: ['refresh', 'access'] } };
    expect(await revokeAt(server, written)).toEqual({ kind: 'failed', reason: 'provider_error' });
    expect(bodies(server)).toEqual(['canary refresh', 'canary access']);
  });

  it('are the access token of a connection without a refresh token', async () => {
    const server = await serverThat((response) => response.end());
    const tokens = { access: secret('canary access'), refresh: null };
    expect(await revokeAt(server, { revoke: { url: server.url } }, tokens)).toEqual({ kind: 'revoked' });
    expect(bodies(server)).toEqual(['canary access']);
  });

  describe('where only access tokens can be revoked and that of the connection has expired', () => {
    const revokeExpired = async (refreshed: (response: ServerResponse) => void, tokens: Partial<GrantTokens> = {}) => {
      const server = await serverThat((response, { path }) =>
        path === '/token' ? refreshed(response) : sendJson(response, 200, {}),
      );
      const written: Written = { revoke: { url: `${server.url}/revoke`, token: 'access' } };
      const outcome = await revokeAt(server, written, { ...BOTH(), accessExpired: true, ...tokens });
      return { outcome, paths: server.received.map(({ path }) => path), sent: bodies(server) };
    };

    it('are a new one', async () => {
      const { outcome, paths, sent } = await revokeExpired((response) =>
        sendJson(response, 200, { access_token: 'canary new', refresh_token: 'canary next' }),
      );
      expect([outcome, paths, sent]).toEqual([{ kind: 'revoked' }, ['/token', '/revoke'], [null, 'canary new']]);
    });

    it('are none when the provider refuses the refresh token: the grant is over', async () => {
      const { outcome, paths } = await revokeExpired((response) => sendJson(response, 400, { error: 'invalid_grant' }));
      expect([outcome, paths]).toEqual([{ kind: 'revoked' }, ['/token']]);
    });

    it.each([
      ['client_refused', 401, { error: 'invalid_client' }],
      ['not_sent', 503, {}],
      ['not_sent', 200, {}],
    ] as const)('are none when no new one comes, which fails: %s', async (reason, status, body) => {
      const { outcome, paths } = await revokeExpired((response) => sendJson(response, status, body));
      expect([outcome, paths]).toEqual([{ kind: 'failed', reason }, ['/token']]);
    });

    it('are the expired one of a connection without a refresh token', async () => {
      const { paths, sent } = await revokeExpired((response) => response.destroy(), { refresh: null });
      expect([paths, sent]).toEqual([['/revoke'], ['canary access']]);
    });
  });
});

describe('the outcome is', () => {
  const outcomeOf = async (answer: (response: ServerResponse) => void, written: Omit<Written, 'revoke'> = {}) => {
    const server = await serverThat(answer);
    const outcome = await revokeAt(server, { ...written, revoke: { url: server.url, gone: ['invalid_token'] } });
    expect(JSON.stringify(outcome)).not.toContain('canary');
    return outcome;
  };
  const json =
    (status: number, body: unknown) =>
    (response: ServerResponse): void =>
      sendJson(response, status, body);

  it('revoked, where the token was already invalid', async () => {
    expect(await outcomeOf(json(400, { error: 'invalid_token' }))).toEqual({ kind: 'revoked' });
  });

  it.each([
    ['refused', json(400, { error: 'canary' }), {}],
    ['refused', json(200, { ok: false, error: 'canary' }), { response: { ok_path: 'ok' } }],
    ['client_refused', json(401, { error: 'invalid_client' }), {}],
    ['throttled', json(429, {}), {}],
    ['provider_error', json(503, { error: 'canary' }), {}],
    ['provider_error', (response: ServerResponse): void => void response.writeHead(500).end('<html>'), {}],
    ['refused', (response: ServerResponse): void => void response.writeHead(302, { location: '/' }).end(), {}],
    ['no_answer', (response: ServerResponse): void => void response.destroy(), {}],
    ['no_answer', () => undefined, {}],
  ] as const)('failed: %s', async (reason, answer, written) => {
    expect(await outcomeOf(answer, written)).toEqual({ kind: 'failed', reason });
  });

  it('not supported, where the profile has no revocation', async () => {
    const server = await serverThat((response) => response.end());
    expect(await revokeAt(server, {})).toEqual({ kind: 'not_supported' });
    expect(server.received).toEqual([]);
  });

  it('failed, where the connection lacks the required token', async () => {
    const server = await serverThat((response) => response.end());
    const tokens = { access: null, refresh: null };
    expect(await revokeAt(server, { revoke: { url: server.url } }, tokens)).toEqual({
      kind: 'failed',
      reason: 'no_token',
    });
    expect(server.received).toEqual([]);
  });

  it('failed, where nothing could be sent', async () => {
    const server = await openHttpServer(() => undefined);
    await server.close();
    expect(await revokeAt(server, { revoke: { url: server.url } })).toEqual({ kind: 'failed', reason: 'not_sent' });
  });
});
