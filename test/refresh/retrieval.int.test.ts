import { misbehave } from '@vault-engine/authorization-server';
import { PortUnavailable, type TokenStore } from '@vault-engine/vault';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { revoke } from './connect.ts';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from './open-provider-and-refreshes.ts';

const HOUR_MS = 3_600_000;

let its: ProviderAndRefreshes;
beforeAll(async () => {
  its = await openProviderAndRefreshes({ expiresIn: 3_600 });
});
afterAll(() => its.close());

describe('a token that is usable', () => {
  it('is handed out without asking anybody', async () => {
    const user = await its.connect({ refresh: 'usable', expiresInMs: HOUR_MS });
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'access-0', warning: null });
    expect(its.sent('usable')).toBe(0);
  });

  it.each([
    ['lapses sooner than the caller needs', { leftMs: HOUR_MS, minValiditySeconds: 3_700 }],
    ['is about to lapse', { leftMs: 30_000, minValiditySeconds: null }],
  ])('and %s is renewed first', async (name, { leftMs, minValiditySeconds }) => {
    const user = await its.connect({ refresh: name, expiresInMs: HOUR_MS });
    its.pass(HOUR_MS - leftMs);
    expect(await its.ask(user, { minValiditySeconds })).toMatchObject({
      code: 'ok',
      access: expect.stringMatching(/^access-[1-9]/),
    });
    expect(its.sent(name)).toBe(1);
  });

  it('is not refreshed because an earlier version was rejected', async () => {
    const user = await its.connect({ refresh: 'moved on', expiresInMs: HOUR_MS });
    const { tokenVersion } = await its.recordOf(user);
    expect(await its.ask(user, { rejectedVersion: tokenVersion - 1 })).toMatchObject({ code: 'ok', tokenVersion });
    expect(its.sent('moved on')).toBe(0);
  });

  it('is refreshed once and issued, if its provider issues none that live as long as the caller needs', async () => {
    const user = await its.connect({ refresh: 'short', expiresInMs: HOUR_MS });
    expect(await its.ask(user, { minValiditySeconds: 7_200 })).toMatchObject({ code: 'ok', warning: 'short_validity' });
    expect(its.sent('short')).toBe(1);
  });

  it('is issued with a warning when it can’t be refreshed, also when the caller needs one that lives longer', async () => {
    const user = await its.connect({ expiresInMs: HOUR_MS });
    const more = { minValiditySeconds: 3_700 };
    await its.succeed();
    its.provider.script(misbehave.invalidGrant(), misbehave.invalidGrant());
    const suspect = { code: 'ok', access: 'access-0', warning: 'grant_refused' };
    expect(await its.ask(user, more)).toMatchObject(suspect);
    expect(await its.ask(user)).toMatchObject(suspect);
    its.pass(61_000);
    its.provider.script(misbehave.invalidGrant(), misbehave.invalidGrant());
    await its.ask(user, more);
    its.pass(30 * 60_000);
    await its.succeed();
    its.provider.script(misbehave.invalidGrant(), misbehave.invalidGrant());
    expect(await its.ask(user, more)).toMatchObject({ code: 'ok', access: 'access-0', warning: 'grant_refused' });
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'access-0', warning: 'grant_refused' });
    const without = await its.connect({ refresh: null, expiresInMs: HOUR_MS });
    expect(await its.ask(without)).toMatchObject({ code: 'ok', warning: null });
    expect(await its.ask(without, more)).toMatchObject({ code: 'ok', access: 'access-0', warning: 'short_validity' });
  });

  it('is issued when its refresh has to wait for another process, or for a part that is out', async () => {
    const user = await its.connect({ expiresInMs: HOUR_MS });
    const { tokenVersion } = await its.recordOf(user);
    const of = { user, platform: its.platform, owner: 'another process' };
    await its.store.claim({ ...of, tokenVersion, ttlMs: 60_000 });
    const more = { minValiditySeconds: 3_700 };
    expect(await its.ask(user, { ...more, waitMs: 50 })).toMatchObject({ code: 'ok', access: 'access-0' });
    await its.store.release(of);
    expect(await its.ask(user, more)).toMatchObject({ code: 'ok', access: expect.stringMatching(/^access-[1-9]/) });
    const unheard = await its.connect({ expiresInMs: HOUR_MS });
    const claim = async () => {
      throw new PortUnavailable('storage', 'it takes no writes');
    };
    const refresher = its.refresher({ store: { ...its.store, claim } });
    expect(await its.ask(unheard, { ...more, refresher })).toMatchObject({ code: 'ok', access: 'access-0' });
  });
});

describe('a caller’s time', () => {
  it('may be shorter than the provider’s answer: the refresh goes on, and the next caller gets the new token', async () => {
    const user = await its.connect({ refresh: 'in the background' });
    its.provider.script(misbehave.slow(300));
    expect(await its.ask(user, { waitMs: 30 })).toMatchObject({
      code: 'provider_unavailable',
      reason: 'renewal_under_way',
      retryAfterMs: expect.any(Number),
    });
    await vi.waitUntil(async () => (await its.recordOf(user)).grant.refreshedAt !== null, { timeout: 5_000 });
    expect(await its.ask(user, { waitMs: 0 })).toMatchObject({ code: 'ok' });
    expect(its.sent('in the background')).toBe(1);
  });

  it('that is up already begins no refresh', async () => {
    const user = await its.connect({ refresh: 'not begun' });
    expect(await its.ask(user, { waitMs: 0 })).toMatchObject({ code: 'provider_unavailable' });
    expect((await its.recordOf(user)).lease).toBeNull();
    expect(its.sent('not begun')).toBe(0);
  });
});

describe('during a refresh', () => {
  it('a connection that is revoked is answered as not connected', async () => {
    const user = await its.connect({});
    its.provider.script(misbehave.slow(300));
    const asked = its.ask(user);
    await vi.waitUntil(async () => (await its.recordOf(user)).lease?.phase === 'called');
    await revoke(its.vault, its.platform, user);
    expect(await asked).toMatchObject({ code: expect.stringMatching(/^(ok|not_connected)$/) });
    expect(await its.ask(user)).toMatchObject({ code: 'not_connected' });
    expect(its.changesOf(user).at(-1)).toBe('REVOKED');
  });

  it('credentials that the user brings are handed out', async () => {
    const user = await its.connect({});
    its.provider.script(misbehave.slow(300));
    const asked = its.ask(user);
    await vi.waitUntil(async () => (await its.recordOf(user)).lease?.phase === 'called');
    await its.connect({ user, access: 'brought', expiresInMs: HOUR_MS });
    expect(await asked).toMatchObject({ code: 'ok', access: 'brought' });
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'brought' });
  });

  it('a refusal of the old credentials says nothing of those that the user brings', async () => {
    const user = await its.connect({});
    its.provider.script(async (response, right) => {
      await its.connect({ user, access: 'brought', expiresInMs: HOUR_MS });
      misbehave.serverError()(response, right);
    });
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'brought', warning: null });
    expect((await its.recordOf(user)).condition).toEqual({ kind: 'good' });
  });
});

it('a token that was issued expired is refused, and its provider is named as the cause', async () => {
  const user = await its.connect({});
  its.provider.script(misbehave.refresh({ expires_in: 0.001 }));
  expect(await its.ask(user)).toMatchObject({ code: 'provider_unavailable', reason: 'renewed_in_vain' });
});

it('a refresh token that does not open is an internal error, spends nothing, and leaves no lease', async () => {
  const user = await its.connect({ refresh: 'sealed' });
  const { refresh } = await its.recordOf(await its.connect({}));
  const corrupt: TokenStore = {
    ...its.store,
    readConnection: async (of, platform) => {
      const found = await its.store.readConnection(of, platform);
      return { ...found, record: found.record === null ? null : { ...found.record, refresh } };
    },
  };
  const asked = its.ask(user, { refresher: its.refresher({ store: corrupt }) });
  expect(await asked).toMatchObject({ code: 'internal', reason: 'record_corrupt' });
  expect(its.sent('sealed')).toBe(0);
  expect((await its.recordOf(user)).lease).toBeNull();
});

it('a user without a connection gets not_connected on a known platform', async () => {
  const user = await its.connect({});
  await revoke(its.vault, its.platform, user);
  expect(await its.ask(user)).toMatchObject({ code: 'not_connected' });
});
