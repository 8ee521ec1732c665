import { secretOf } from '@vault-engine/crypto/plaintext';
import type { PlatformId } from '@vault-engine/vault';
import { expect, it } from 'vitest';
import { openProviders } from './open-providers.ts';
import type { OutboundRequest } from './outbound/exchange.ts';
import { refreshTerms } from './refresh/refresh-terms.ts';
import { testProfile } from './testing/profile-of-test.ts';

const profile = testProfile('https://provider.example/token', {
  revoke: { url: 'https://provider.example/revoke' },
  identity: { url: 'https://provider.example/me', paths: ['sub'] },
});
const access = () => secretOf(Buffer.from('access'));
const refresh = () => secretOf(Buffer.from('refresh'));

/** Providers of one platform, and the requests that they send. */
const open = (registered: boolean, known = true) => {
  const sent: OutboundRequest[] = [];
  const providers = openProviders({
    catalog: {
      displayName: () => (known ? profile.displayName : null),
      all: () => (known ? [profile] : []),
      replaced: [],
      flowMs: () => 1,
      grantMs: () => null,
      profile: () => (known ? profile : null),
    },
    clients: new Map(registered ? [[profile.id, { id: 'vault', secret: secretOf(Buffer.from('secret')) }]] : []),
    outbound: {
      timeoutMs: 10_000,
      exchange: async (request) => {
        sent.push(request);
        return {
          kind: 'answered',
          status: 200,
          retryAfter: null,
          headers: { contentEncoding: null, wwwAuthenticate: null },
          body: Buffer.from('{"sub":"ada"}'),
        };
      },
      probe: async () => ({ ok: false, reason: 'unreachable' }),
      close: () => undefined,
    },
    rate: { take: async () => ({ ok: true }) },
    now: () => 0,
    random: () => 0,
  });
  return { providers, sent };
};

it.each([
  ['has no client registration', false, true],
  ['does not exist', true, false],
])('sends no token to a platform that %s', async (_, registered, known) => {
  const { providers, sent } = open(registered, known);
  const platform: PlatformId = profile.id;
  expect(providers.terms(platform)).toBeNull();
  expect(await providers.identify(platform, access(), {})).toEqual({ ok: true, value: null });
  expect(await providers.revoke(platform, { access: access(), refresh: refresh() }, {})).toEqual({
    kind: 'not_supported',
  });
  expect(await providers.refresh(platform, refresh(), {}, new AbortController().signal)).toMatchObject({
    answeredBy: 'not_sent',
    says: 'application_fault',
    reason: 'not_registered',
  });
  expect(await providers.introspect(platform, refresh(), {})).toBe('unknown');
  expect(sent).toEqual([]);
});

it('sends requests to a platform with a client registration', async () => {
  const { providers, sent } = open(true);
  expect(await providers.identify(profile.id, access(), {})).toEqual({ ok: true, value: 'ada' });
  expect(await providers.revoke(profile.id, { access: access(), refresh: refresh() }, {})).toEqual({ kind: 'revoked' });
  expect(sent.map(({ url }) => url.pathname)).toEqual(['/me', '/revoke']);
});

it('a provider can introspect refresh tokens only where its profile says so', () => {
  const tells = (introspection: { url: string; refresh_tokens?: boolean } | null) =>
    refreshTerms(testProfile('https://provider.example/token', { introspection }), () => 0, 'client').canIntrospect;
  const url = 'https://provider.example/introspect';
  expect([tells(null), tells({ url }), tells({ url, refresh_tokens: true })]).toEqual([false, false, true]);
});

it.each([
  ['use_default', 3_600, true],
  ['use_default', null, false],
  ['never', 3_600, false],
] as const)('a token without a known expiry is refreshed by the profile: %s, %s s', (meaning, seconds, refreshed) => {
  const terms = refreshTerms(
    testProfile('https://provider.example/token', { access: { none_means: meaning, default_ttl_s: seconds } }),
    () => 0,
    'client',
  );
  const due = terms.dueAt({ refreshedAt: 1_000, hasRefreshToken: true, expiresAt: null, refreshExpiresAt: null });
  if (!refreshed) return expect(due).toBeNull();
  expect(due).toBeGreaterThan(1_000);
  expect(due).toBeLessThan(3_601_000);
});

it('names the client that new grants belong to', () => {
  expect([open(true), open(false)].map(({ providers }) => providers.clientId(profile.id))).toEqual(['vault', null]);
});
