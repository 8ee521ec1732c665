import { openHttpServer, type Received, sendJson } from '@vault-engine/authorization-server';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { openOutbound, openProviders, type ProfileCatalog, type RegisteredClient } from '@vault-engine/platforms';
import type { UserId, Vault } from '@vault-engine/vault';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Asking, ask } from '../refresh/ask.ts';
import { connect, revoke } from '../refresh/connect.ts';
import { openRefreshes, type Refreshes } from '../refresh/open-refreshes.ts';

// A deployment gets a new client or a new client secret, while grants of the old one live on.
// diegosouzapw/OmniRoute#12106, NangoHQ/nango#988.

/** The secrets that the provider accepts of each client. */
let accepted: Record<string, string>;
/** The client that each refresh token was issued to. */
let grants: Map<string, string>;
let requests: { path: string; client: string; secret: string }[];
let its: Refreshes;
let closing: (() => unknown)[];

/** A provider that answers the refresh token of another client as one that does not exist, as some do. */
const answer = ({ path, body }: Received, response: Parameters<typeof sendJson>[0]): void => {
  const form = Object.fromEntries(new URLSearchParams(body));
  const { client_id: client = '', client_secret: secret = '', refresh_token: token = form['token'] ?? '' } = form;
  requests.push({ path, client, secret });
  const [status, content] = outcomeOf(path, token, client, secret);
  sendJson(response, status, content);
};

const outcomeOf = (path: string, token: string, client: string, secret: string): [number, object] => {
  if (accepted[client] !== secret) return [401, { error: 'invalid_client' }];
  if (grants.get(token) !== client) return [400, { error: 'invalid_grant' }];
  grants.delete(token);
  if (path === '/revoke') return [200, {}];
  const next = `refresh-of-${client}-${requests.length}`;
  grants.set(next, client);
  return [200, { access_token: `access-${requests.length}`, refresh_token: next, expires_in: 3_600 }];
};

beforeEach(async () => {
  accepted = { before: 'secret-before', now: 'secret-now' };
  grants = new Map([['refresh-0', 'before']]);
  requests = [];
  const server = await openHttpServer(answer);
  its = await openRefreshes({
    profile: {
      display_name: 'Provider of a test',
      token: { url: `${server.url}/token` },
      refresh: { min_interval_s: 0 },
      rotation: { mode: 'always', on_reuse: 'revoke_family' },
      revoke: { url: `${server.url}/revoke`, auth: 'post' },
    },
  });
  closing = [() => its.close(), () => server.close()];
});
afterEach(async () => {
  for (const close of closing) await close();
});

const credentials = (id: string, secret: string) => ({ id, secret: secretOf(Buffer.from(secret)) });
const BEFORE = () => credentials('before', 'secret-before');
const NOW = () => credentials('now', 'secret-now');

/** The vault as it is after a restart with this client. */
const restarted = (client: RegisteredClient): Vault => {
  const outbound = openOutbound({ allowInsecureLoopback: true, timeoutMs: 1_000 });
  closing.unshift(() => outbound.close());
  const providers = openProviders({
    catalog: its.vault.platforms as ProfileCatalog, // the harness loads profiles
    clients: new Map([[its.platform, client]]),
    outbound,
    rate: { take: async () => ({ ok: true }) },
    now: its.vault.now,
    random: Math.random,
  });
  return { ...its.vault, providers };
};

const stored = async (vault: Vault, refresh: string): Promise<UserId> => {
  const connected = await connect(vault, its.platform, { refresh });
  return connected.ok ? connected.user : expect.fail('not stored');
};
const askOf = (vault: Vault, user: UserId, asking?: Asking) =>
  ask(vault, its.refresher({ providers: vault.providers }), { user, platform: its.platform }, asking);

it('a grant is refreshed and revoked under the client that it was issued to, a new one under the current client', async () => {
  const old = await stored(restarted(BEFORE()), 'refresh-0');
  const vault = restarted({ ...NOW(), former: [BEFORE()] });
  grants.set('refresh-new', 'now');
  const young = await stored(vault, 'refresh-new');
  expect(await askOf(vault, old)).toMatchObject({ code: 'ok' });
  expect(await askOf(vault, young)).toMatchObject({ code: 'ok' });
  expect(requests.map(({ client }) => client)).toEqual(['before', 'now']);
  const { tokenVersion, grant } = await its.recordOf(old);
  expect(grant.client).toBe('before');
  expect(await askOf(vault, old, { rejectedVersion: tokenVersion })).toMatchObject({ code: 'ok' });
  await revoke(vault, its.platform, old);
  expect(requests.slice(2).map(({ path, client }) => [path, client])).toEqual([
    ['/token', 'before'],
    ['/revoke', 'before'],
  ]);
});

it('a grant of a client that is not configured waits for the operator, and nothing is sent', async () => {
  const old = await stored(restarted(BEFORE()), 'refresh-0');
  const without = restarted(NOW());
  expect(await askOf(without, old)).toMatchObject({ code: 'provider_misconfigured' });
  expect(requests).toEqual([]);
  expect((await its.recordOf(old)).condition).toMatchObject({ kind: 'failing', unknownSince: null });
  its.pass(3_600_000);
  expect(await askOf(restarted({ ...NOW(), former: [BEFORE()] }), old)).toMatchObject({ code: 'ok' });
});

it('during a roll-over of the secret the new one is tried first, then the old one, and no refresh token is spent twice', async () => {
  accepted = { now: 'old-secret' };
  grants.set('refresh-0', 'now');
  const vault = restarted({ ...credentials('now', 'new-secret'), former: [credentials('now', 'old-secret')] });
  const user = await stored(vault, 'refresh-0');
  expect(await askOf(vault, user)).toMatchObject({ code: 'ok', warning: null });
  expect(requests.map(({ secret }) => secret)).toEqual(['new-secret', 'old-secret']);
  accepted = { now: 'new-secret' };
  const { tokenVersion } = await its.recordOf(user);
  expect(await askOf(vault, user, { rejectedVersion: tokenVersion })).toMatchObject({ code: 'ok' });
  expect(requests.slice(2).map(({ secret }) => secret)).toEqual(['new-secret']);
});

it('revoking tries the old secret too', async () => {
  accepted = { now: 'old-secret' };
  grants.set('refresh-0', 'now');
  const vault = restarted({ ...credentials('now', 'new-secret'), former: [credentials('now', 'old-secret')] });
  const user = await stored(vault, 'refresh-0');
  await revoke(vault, its.platform, user);
  expect(requests.map(({ path, secret }) => [path, secret])).toEqual([
    ['/revoke', 'new-secret'],
    ['/revoke', 'old-secret'],
  ]);
  expect(grants.has('refresh-0')).toBe(false);
});

it('a grant without a recorded client counts as the current one’s, which its next refresh records', async () => {
  const withoutClient = { ...its.vault.providers, clientId: () => null };
  const user = await stored({ ...its.vault, providers: withoutClient }, 'refresh-0');
  expect((await its.recordOf(user)).grant.client).toBeUndefined();
  const vault = restarted(BEFORE());
  expect(await askOf(vault, user)).toMatchObject({ code: 'ok' });
  expect((await its.recordOf(user)).grant.client).toBe('before');
});
