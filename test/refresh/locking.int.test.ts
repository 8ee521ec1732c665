import { misbehave } from '@vault-engine/authorization-server';
import { type LeaseOf, PortUnavailable, type TokenStore } from '@vault-engine/vault';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { revoke } from './connect.ts';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from './open-provider-and-refreshes.ts';

let it: ProviderAndRefreshes;
beforeAll(async () => {
  it = await openProviderAndRefreshes({ persistMs: 300 });
});
afterAll(() => it.close());

/** The store, telling of each claim and letting others go first. */
const watched = (onClaim: (of: LeaseOf & { readonly ttlMs: number }) => Promise<void> | void): TokenStore => ({
  ...it.store,
  claim: async (of) => {
    await onClaim(of);
    return it.store.claim(of);
  },
});

test('1: a lease has a new owner each time, and only its owner gives it back', async () => {
  const owners: string[] = [];
  const refresher = it.refresher({ store: watched(({ owner }) => void owners.push(owner)) });
  const user = await it.connect({ refresh: 'owned' });
  it.provider.script(misbehave.slow(100));
  const asked = it.ask(user, { refresher });
  await vi.waitUntil(async () => (await it.recordOf(user)).lease?.phase === 'called');
  expect(await it.store.release({ user, platform: it.platform, owner: 'somebody else' })).toBe(false);
  expect((await it.recordOf(user)).lease?.owner).toBe(owners[0]);
  await asked;
  await it.ask(await it.connect({}), { refresher });
  expect(new Set(owners).size).toBe(2);
});

test('1: a lease is extended while its provider takes longer than the lease', async () => {
  const user = await it.connect({ refresh: 'long' });
  it.provider.script(misbehave.slow(1_000));
  // A lease of 300 ms.
  const short = it.refresher({ providers: { ...it.vault.providers, refreshTimeoutMs: 0 } });
  const asked = it.ask(user, { refresher: short });
  await vi.waitUntil(() => it.sent('long') === 1);
  expect(await it.ask(user, { waitMs: 700 })).toMatchObject({ reason: 'renewal_under_way' });
  expect(await asked).toMatchObject({ code: 'ok' });
  expect(it.sent('long')).toBe(1);
});

test('1: a process that loses the lease before the call sends nothing', async () => {
  const user = await it.connect({ refresh: 'lost' });
  const store: TokenStore = {
    ...it.store,
    hold: async (of) => {
      if (of.phase === 'called') await it.connect({ user, refresh: 'found', access: 'found', expiresInMs: 600_000 });
      return it.store.hold(of);
    },
  };
  expect(await it.ask(user, { refresher: it.refresher({ store }) })).toMatchObject({ code: 'ok', access: 'found' });
  expect([it.sent('lost'), it.sent('found')]).toEqual([0, 0]);
});

test('1: a process suspended until another has the lease sends nothing', async () => {
  const user = await it.connect({ refresh: 'still' });
  const { store, providers } = it.vault;
  const awake = Promise.withResolvers<void>();
  let standsStill = false;
  const refresher = it.refresher({
    store: {
      ...store,
      hold: async (of) => {
        if (standsStill) throw new PortUnavailable('storage', 'it is not asked');
        return store.hold(of);
      },
    },
    providers: {
      ...providers,
      refreshTimeoutMs: 0,
      refresh: async (...of) => {
        standsStill = true;
        await awake.promise;
        return providers.refresh(...of);
      },
    },
  });
  const asked = it.ask(user, { refresher });
  await vi.waitUntil(() => standsStill);
  const other = await it.ask(user);
  expect(other).toMatchObject({ code: 'ok' });
  awake.resolve();
  expect(await asked).toEqual(other);
  expect(it.sent('still')).toBe(1);
});

test('2: a lease lasts longer than the provider may take and what is written after, as soon as it may be asked', async () => {
  const times: number[] = [];
  const { store } = it;
  const hold: typeof store.hold = (of) => {
    if (of.phase === 'called') times.push(of.ttlMs);
    return store.hold(of);
  };
  await it.ask(await it.connect({}), { refresher: it.refresher({ store: { ...store, hold } }) });
  expect(times).toEqual([it.vault.providers.refreshTimeoutMs + 300]);
});

test('2: a process that dies before the call keeps the lease for the short time only', async () => {
  const times: number[] = [];
  const refresher = it.refresher({ store: watched(({ ttlMs }) => void times.push(ttlMs)) });
  await it.ask(await it.connect({}), { refresher });
  expect(times).toEqual([300]);
});

test('3: without the lease nothing is refreshed, and the caller is asked to retry', async () => {
  const user = await it.connect({ refresh: 'held' });
  const { tokenVersion } = await it.recordOf(user);
  const of = { user, platform: it.platform, owner: 'another process' };
  await it.store.claim({ ...of, tokenVersion, ttlMs: 60_000 });
  expect(await it.ask(user, { waitMs: 150 })).toEqual({
    code: 'provider_unavailable',
    reason: 'renewal_under_way',
    retryAfterMs: expect.any(Number),
  });
  expect(it.sent('held')).toBe(0);
  await it.store.release(of);
  expect(await it.ask(user)).toMatchObject({ code: 'ok' });
});

test('3: a process that waits for another issues the other’s tokens', async () => {
  const user = await it.connect({ refresh: 'theirs' });
  it.provider.script(misbehave.slow(200));
  const [one, two] = await Promise.all([it.ask(user, { refresher: it.refresher() }), it.ask(user)]);
  expect(one).toMatchObject({ code: 'ok' });
  expect(two).toEqual(one);
  expect(it.sent('theirs')).toBe(1);
});

test('4: those who ask one process at once share one attempt, without a lease of their own', async () => {
  const user = await it.connect({ refresh: 'shared' });
  let claims = 0;
  const refresher = it.refresher({
    store: watched(() => {
      claims += 1;
    }),
  });
  const answers = await Promise.all(Array.from({ length: 50 }, () => it.ask(user, { refresher })));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect([claims, it.sent('shared')]).toEqual([1, 1]);
});

test('4: what another has refreshed before the lease was taken is not refreshed again', async () => {
  const user = await it.connect({ refresh: 'beaten' });
  const refresher = it.refresher({ store: watched(async () => void (await it.ask(user))) });
  expect(await it.ask(user, { refresher })).toMatchObject({ code: 'ok' });
  expect(it.sent('beaten')).toBe(1);
});

test('4: a cool-down that began before the lease was taken is kept', async () => {
  const user = await it.connect({ refresh: 'cooled' });
  it.provider.script(misbehave.serverError());
  const refresher = it.refresher({ store: watched(async () => void (await it.ask(user))) });
  expect(await it.ask(user, { refresher })).toMatchObject({ reason: 'outcome_unknown' });
  expect(it.sent('cooled')).toBe(1);
  expect((await it.recordOf(user)).lease).toBeNull();
});

test('5: a connection that is deleted during its refresh stays deleted', async () => {
  const user = await it.connect({ refresh: 'deleted' });
  it.provider.script(async (response, right) => {
    await revoke(it.vault, it.platform, user);
    misbehave.refresh()(response, right);
  });
  expect(await it.ask(user)).toMatchObject({ code: 'not_connected' });
  expect((await it.store.readConnection(user, it.platform)).record).toBeNull();
  expect(it.changesOf(user)).toEqual(['CONNECTED', 'REVOKED']);
});

test('5: credentials that a user brings during a refresh win, and the refreshed ones are dropped', async () => {
  const user = await it.connect({ refresh: 'old' });
  it.provider.script(async (response, right) => {
    await it.connect({ user, access: 'brought', refresh: 'new', expiresInMs: 600_000 });
    misbehave.refresh()(response, right);
  });
  expect(await it.ask(user)).toMatchObject({ code: 'ok', access: 'brought' });
  const { tokenVersion } = await it.recordOf(user);
  await it.ask(user, { rejectedVersion: tokenVersion });
  expect([it.sent('old'), it.sent('new')]).toEqual([1, 1]);
  expect(it.changesOf(user)).toEqual(['CONNECTED', 'RECONNECTED', 'RENEWED']);
});
