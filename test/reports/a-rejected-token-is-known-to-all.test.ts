import { misbehave } from '@vault-engine/authorization-server';
import { type EngineId, engineId, status, type UserId } from '@vault-engine/vault';
import { afterEach, describe, expect, it } from 'vitest';
import type { Asking } from '../refresh/ask.ts';
import { callOf } from '../refresh/connect.ts';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from '../refresh/open-provider-and-refreshes.ts';

// The user has removed the app at the platform. Only an engine that uses the token can notice.

const MINUTE_MS = 60_000;

let its: ProviderAndRefreshes;
afterEach(() => its.close());

const engine = (name: string): EngineId => engineId(name) ?? expect.fail('no engine id');
const as = (name: string, more: Asking = {}): Asking => ({
  ...more,
  call: { ...callOf('GetToken'), engine: engine(name) },
});
const reject = async (user: UserId, name: string) =>
  its.ask(user, as(name, { rejectedVersion: (await its.recordOf(user)).tokenVersion }));
const viewOf = async (user: UserId) => status(await its.recordOf(user), its.vault.now());
const everlasting = async (): Promise<UserId> => {
  its = await openProviderAndRefreshes();
  return its.connect({ refresh: null, expiresInMs: null });
};

describe('a token that never expires and can’t be refreshed', () => {
  it('is suspect after one rejection: others get it with a warning', async () => {
    const user = await everlasting();
    expect(await reject(user, 'action')).toMatchObject({ code: 'expired_token' });
    expect(await its.ask(user, as('sync'))).toMatchObject({ code: 'ok', warning: 'access_rejected' });
    expect(await viewOf(user)).toMatchObject({ status: 'CONNECTED', action: 'NONE', reason: 'access_rejected' });
  });

  it('is over when a second engine rejects it: status, topic and every engine know', async () => {
    const user = await everlasting();
    await reject(user, 'action');
    await reject(user, 'sync');
    expect(await viewOf(user)).toMatchObject({ status: 'EXPIRED', action: 'REAUTH', reason: 'access_rejected' });
    expect(await its.ask(user, as('local'))).toMatchObject({ code: 'expired_token' });
    expect(its.changesOf(user)).toEqual(['CONNECTED', 'FAILING', 'EXPIRED']);
  });

  it('is over when the same engine rejects it again after a time, and not before', async () => {
    const user = await everlasting();
    await reject(user, 'action');
    await reject(user, 'action');
    expect(await viewOf(user)).toMatchObject({ status: 'CONNECTED' });
    its.pass(10 * MINUTE_MS);
    await reject(user, 'action');
    expect(await viewOf(user)).toMatchObject({ status: 'EXPIRED', action: 'REAUTH' });
  });

  it('is well again when the user connects again', async () => {
    const user = await everlasting();
    await reject(user, 'action');
    await reject(user, 'sync');
    await its.connect({ user, refresh: null, expiresInMs: null, access: 'new' });
    expect(await its.ask(user, as('local'))).toMatchObject({ code: 'ok', access: 'new', warning: null });
  });

  it('suffers nothing from a rejection of another version', async () => {
    const user = await everlasting();
    expect(await its.ask(user, as('action', { rejectedVersion: 1 }))).toMatchObject({ code: 'ok' });
    expect(await its.ask(user, as('sync'))).toMatchObject({ code: 'ok', warning: null });
  });
});

describe('a token that was stored without an expiry', () => {
  it('and with a refresh token is refreshed at its first use, and only then', async () => {
    its = await openProviderAndRefreshes();
    const user = await its.connect({ access: 'of unknown age', expiresInMs: null });
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'access-1' });
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'access-1' });
  });

  it('is served with a warning while that refresh fails', async () => {
    its = await openProviderAndRefreshes();
    const user = await its.connect({ access: 'of unknown age', expiresInMs: null });
    its.provider.script(misbehave.invalidClient());
    expect(await its.ask(user)).toMatchObject({ access: 'of unknown age', warning: 'provider_misconfigured' });
  });

  it('expires when it says so itself', async () => {
    its = await openProviderAndRefreshes();
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const exp = Math.floor(its.vault.now() / 1_000) + 600;
    const access = [part({ alg: 'none' }), part({ exp }), 'signature'].join('.');
    const user = await its.connect({ access, refresh: null, expiresInMs: null });
    expect((await its.recordOf(user)).metadata.expiresAt).toBe(exp * 1_000);
    const later = await its.connect({ access, refresh: null, expiresInMs: 60_000 });
    expect((await its.recordOf(later)).metadata.expiresAt).toBeLessThan(exp * 1_000);
  });
});

describe('tokens that are rejected as soon as they are issued', () => {
  it('ask the user after a few, and cause no further refresh', async () => {
    its = await openProviderAndRefreshes();
    const user = await its.connect({});
    await its.ask(user);
    for (let rejections = 0; rejections < 3; rejections += 1)
      expect(await reject(user, 'action')).toMatchObject({ code: 'ok' });
    const asked = its.provider.requests.length;
    await reject(user, 'action');
    await reject(user, 'sync');
    expect(its.provider.requests.length).toBe(asked);
    expect(await viewOf(user)).toMatchObject({ status: 'EXPIRED', action: 'REAUTH' });
  });
});
