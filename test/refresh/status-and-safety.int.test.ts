import { misbehave, openAuthorizationServer } from '@vault-engine/authorization-server';
import { status } from '@vault-engine/vault';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { connect } from './connect.ts';
import {
  openProviderAndRefreshes,
  type ProviderAndRefreshes,
  refuseUntilBelieved,
} from './open-provider-and-refreshes.ts';
import { openRefreshes, type Refreshes } from './open-refreshes.ts';

let its: ProviderAndRefreshes;
beforeAll(async () => {
  its = await openProviderAndRefreshes();
});
afterAll(() => its.close());

test('23: each change of status is published with its own id, recovery too; repetitions are not', async () => {
  const user = await its.connect({ expiresInMs: 60_000 });
  its.pass(50_000);
  const behaviours = [misbehave.serverError(), misbehave.html(502), misbehave.serverError(), misbehave.refresh()];
  its.provider.script(...behaviours);
  for (const _ of behaviours) {
    await its.refresher().processDue(user, its.platform);
    await its.refresher().processDue(user, its.platform);
    const { condition } = await its.recordOf(user);
    if (condition.kind === 'failing') its.pass(condition.retryAt - its.vault.now() + 1);
  }
  const told = its.events.filter(({ userId }) => userId === user);
  expect(told.map(({ change }) => change)).toEqual(['CONNECTED', 'FAILING', 'EXPIRED', 'RECOVERED']);
  expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
  expect(told.map(({ revision }) => revision)).toEqual(told.map(({ revision }) => revision).toSorted((a, b) => a - b));
  expect(told.at(-1)?.view).toEqual(status(await its.recordOf(user), its.vault.now()));
});

describe('24: reconnecting', () => {
  let server: Awaited<ReturnType<typeof openAuthorizationServer>>;
  let refreshes: Refreshes;
  beforeAll(async () => {
    server = await openAuthorizationServer({ lifetimes: { access: 60 } });
    refreshes = await openRefreshes({
      profile: { ...server.profile, refresh: { min_interval_s: 0 } },
      timeoutMs: 5_000,
    });
  });
  afterAll(async () => {
    await refreshes.close();
    await server.close();
  });
  const tokensOf = async (account: string) => {
    const { access, refresh } = await server.consent(account);
    return { access, refresh };
  };

  it('is to the same upstream account, also after refreshes, unless another is asked for', async () => {
    const { vault, platform } = refreshes;
    const user = await refreshes.connect(await tokensOf('alice'));
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok' });
    const { tokenVersion } = await refreshes.recordOf(user);
    const another = { user, ...(await tokensOf('bob')) };
    expect(await connect(vault, platform, another)).toMatchObject({ failure: { code: 'account_mismatch' } });
    expect(await refreshes.recordOf(user)).toMatchObject({ tokenVersion });
    expect(await connect(vault, platform, { user, ...(await tokensOf('alice')) })).toMatchObject({ ok: true });
    expect(await connect(vault, platform, { ...another, allowAccountChange: true })).toMatchObject({ ok: true });
  });
});

test('25: callers, the audit log, events and what is stored in the clear see no refresh token', async () => {
  const user = await its.connect({ refresh: 'refresh-of-25' });
  its.provider.script(
    misbehave.refresh({ refresh_token: 'next-of-25', raw: { authed_user: { refresh_token: 'nested-of-25' } } }),
  );
  const answer = await its.ask(user);
  expect(answer).toMatchObject({ code: 'ok' });
  const { metadata } = await its.recordOf(user);
  const seen = JSON.stringify([answer, its.audited, its.events, metadata]);
  for (const secret of ['refresh-of-25', 'next-of-25', 'nested-of-25']) expect(seen).not.toContain(secret);
});

test('26: what a connection says of itself sends its tokens to no host that its profile does not allow', async () => {
  const hosts = { param: 'region', allowed: ['accounts.example.com'] };
  const regional = await openProviderAndRefreshes({ profile: { hosts } });
  const user = await regional.connect({ params: { region: '127.0.0.1' } });
  expect(await regional.ask(user)).toMatchObject({ code: 'provider_misconfigured' });
  expect(regional.auditOf(user).at(-1)).toBe('RefreshToken provider_misconfigured host_not_allowed');
  expect(regional.provider.requests).toHaveLength(0);
  await regional.close();
});

test('26: a redirect is not followed', async () => {
  const user = await its.connect({ refresh: 'redirected' });
  const elsewhere = await openProviderAndRefreshes();
  its.provider.script(misbehave.redirect(elsewhere.provider.tokenUrl));
  expect(await its.ask(user)).toMatchObject({ code: 'provider_misconfigured' });
  expect([its.sent('redirected'), elsewhere.provider.requests.length]).toEqual([1, 0]);
  await elsewhere.close();
});

describe('27: to refresh and to authorise anew are two things', () => {
  it('a dead grant is revived by the user', async () => {
    const user = await its.connect({ refresh: 'dead' });
    await refuseUntilBelieved(its, user);
    const asked = its.sent('dead');
    expect(await its.refresher().processDue(user, its.platform)).toEqual({ kind: 'nothing' });
    expect(await its.ask(user)).toMatchObject({ code: 'expired_token', reason: 'grant_refused' });
    expect(its.sent('dead')).toBe(asked);
    await its.connect({ user, access: 'revived', expiresInMs: 600_000 });
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'revived', warning: null });
    expect(its.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED', 'EXPIRED', 'RECONNECTED']);
  });

  it('a dead grant is asked for once a day all the same, and comes back when the provider takes it again', async () => {
    const user = await its.connect({ refresh: 'asleep' });
    await refuseUntilBelieved(its, user);
    const asked = its.sent('asleep');
    its.pass(24 * 3_600_000 + 1);
    its.provider.script(misbehave.invalidGrant(), misbehave.invalidGrant());
    expect(await its.refresher().processDue(user, its.platform)).toEqual({ kind: 'dead' });
    expect(its.sent('asleep')).toBe(asked + 2);
    its.pass(24 * 3_600_000 + 1);
    expect(await its.refresher().processDue(user, its.platform)).toEqual({ kind: 'renewed' });
    expect(its.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED', 'EXPIRED', 'RECOVERED']);
  });

  it('an operator asks for a dead grant at any time', async () => {
    const user = await its.connect({ refresh: 'revived' });
    await refuseUntilBelieved(its, user);
    expect(await its.refresher().processDue(user, its.platform, true)).toEqual({ kind: 'renewed' });
    expect(await its.ask(user)).toMatchObject({ code: 'ok', warning: null });
  });

  it('a refresh leaves the grant as it began, and asks for no scopes', async () => {
    const user = await its.connect({ refresh: 'as it was' });
    const before = await its.recordOf(user);
    await its.ask(user);
    const after = await its.recordOf(user);
    expect(after.grant).toEqual({ ...before.grant, refreshedAt: expect.any(Number), rotation: 'rotated' });
    expect(after.metadata.scopes).toEqual(before.metadata.scopes);
    const request = its.provider.requests.find(({ body }) => body.includes('as+it+was'));
    expect(new URLSearchParams(request?.body).get('grant_type')).toBe('refresh_token');
    expect(new URLSearchParams(request?.body).has('scope')).toBe(false);
  });

  it('storing credentials asks for no refresh', async () => {
    const asked = its.provider.requests.length;
    await its.connect({ refresh: 'stored' });
    expect(its.provider.requests).toHaveLength(asked);
  });
});
