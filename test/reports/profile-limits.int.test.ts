import { misbehave } from '@vault-engine/authorization-server';
import { afterEach, expect, it } from 'vitest';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from '../refresh/open-provider-and-refreshes.ts';

// Lifetimes under a day, slow token endpoints, and servers that accept an old refresh token as long as it lives (Keycloak's default).

let its: ProviderAndRefreshes;
afterEach(() => its.close());

const MINUTE = 60_000;

it('a connection is refreshed before an idle time of 30 minutes, counted from when it was stored', async () => {
  its = await openProviderAndRefreshes({ profile: { refresh_ttl: { idle: '30m' } } });
  const user = await its.connect({ expiresInMs: null, refreshExpiresInMs: null });
  its.pass(10 * MINUTE);
  await its.refresher().processDue(user, its.platform);
  expect(its.sent('refresh-0')).toBe(0);
  its.pass(6 * MINUTE);
  await its.refresher().processDue(user, its.platform);
  expect(its.sent('refresh-0')).toBe(1);
  const { metadata } = await its.recordOf(user);
  expect((metadata.refreshExpiresAt ?? 0) - its.vault.now()).toBeGreaterThan(29 * MINUTE);
  expect((metadata.refreshExpiresAt ?? 0) - its.vault.now()).toBeLessThanOrEqual(30 * MINUTE);
});

it('a grant ends the stated hours after consent', async () => {
  its = await openProviderAndRefreshes({ profile: { refresh_ttl: { absolute: '10h' } } });
  const user = await its.connect({});
  const { grant } = await its.recordOf(user);
  expect(grant.endsAt).toBe(grant.since + 600 * MINUTE);
});

it('a profile has its own time limit for token requests', async () => {
  const refresh = { min_interval_s: 0, timeout_s: 5 };
  its = await openProviderAndRefreshes({ kind: 'revoking', timeoutMs: 200, profile: { refresh } });
  const user = await its.connect({});
  its.provider.script(misbehave.slow(600));
  expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'access-1' });
  expect(its.vault.providers.refreshTimeoutMs).toBe(5_200);
});

it('a refresh token that a server accepts as long as it lives is sent again after a lost answer', async () => {
  its = await openProviderAndRefreshes({ profile: { rotation: { mode: 'always', on_reuse: 'accept' } } });
  const user = await its.connect({});
  its.provider.script(misbehave.cut());
  expect(await its.ask(user)).toMatchObject({ code: 'provider_unavailable' });
  its.pass(60 * MINUTE);
  expect(await its.ask(user)).toMatchObject({ code: 'ok' });
  expect(its.provider.refreshTokens()).toEqual(['refresh-0', 'refresh-0']);
});
