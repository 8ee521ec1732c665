import { misbehave } from '@vault-engine/authorization-server';
import type { UserId } from '@vault-engine/vault';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { revoke } from './connect.ts';
import { mortal } from './mortal.ts';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from './open-provider-and-refreshes.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let its: ProviderAndRefreshes;
beforeEach(async () => {
  its = await openProviderAndRefreshes({ persistMs: 400 });
});
afterEach(() => its.close());

const processDue = (user: UserId) => its.refresher().processDue(user, its.platform);

/** When the store lets a connection fall due, milliseconds from now; `Infinity`: never. */
const dueIn = async (user: UserId): Promise<number> => {
  const due = (await its.store.upcoming(1_000)).find((next) => next.user === user);
  return due === undefined ? Number.POSITIVE_INFINITY : due.dueAt - its.vault.now();
};

it('what has not fallen due is left alone, and falls due when it does', async () => {
  const user = await its.connect({ refresh: 'early', expiresInMs: HOUR_MS });
  expect(await processDue(user)).toEqual({ kind: 'nothing' });
  expect(its.sent('early')).toBe(0);
  expect(await dueIn(user)).toBeGreaterThan(40 * MINUTE_MS);
});

it('a due connection is refreshed at that moment, whatever the jitter', async () => {
  const users = await Promise.all(Array.from({ length: 10 }, () => its.connect({ expiresInMs: HOUR_MS })));
  const due = await Promise.all(users.map(dueIn));
  its.pass(Math.max(...due));
  const processed = await Promise.all(users.map(processDue));
  expect(processed.map(({ kind }) => kind)).toEqual(users.map(() => 'renewed'));
});

it('a due connection is refreshed once, however many process it, and falls due again', async () => {
  const user = await its.connect({ refresh: 'due', expiresInMs: HOUR_MS });
  its.pass((await dueIn(user)) + MINUTE_MS);
  its.provider.script(misbehave.slow(100));
  const processed = await Promise.all([processDue(user), processDue(user), processDue(user)]);
  expect(processed).toContainEqual({ kind: 'renewed' });
  expect(its.sent('due')).toBe(1);
  expect(await processDue(user)).toEqual({ kind: 'nothing' });
  expect(await dueIn(user)).toBeGreaterThan(40 * MINUTE_MS);
  expect(its.changesOf(user)).toEqual(['CONNECTED', 'RENEWED']);
});

it('failures are further and further apart, and processing alone retries each', async () => {
  const user = await its.connect({});
  its.provider.otherwise(misbehave.serverError());
  const waits: number[] = [];
  for (let failures = 1; failures <= 9; failures += 1) {
    expect(await processDue(user)).toEqual({ kind: 'failed' });
    expect(await processDue(user)).toEqual({ kind: 'nothing' });
    waits.push(await dueIn(user));
    its.pass((await dueIn(user)) + 1);
  }
  expect(its.provider.requests).toHaveLength(9);
  expect(waits[0]).toBeLessThanOrEqual(MINUTE_MS / 2);
  expect(waits[2]).toBeGreaterThan(waits[0] ?? 0);
  expect(waits.at(-1)).toBeGreaterThan(HOUR_MS / 2 - MINUTE_MS);
  expect(its.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED']);
});

it('the least interval is at most half of a token’s lifetime: a short-lived token is replaced before it expires', async () => {
  const slow = await openProviderAndRefreshes({ expiresIn: 40, profile: { refresh: { min_interval_s: 60 } } });
  const user = await slow.connect({});
  expect(await slow.ask(user)).toMatchObject({ code: 'ok' });
  slow.pass(15_000);
  expect(await slow.refresher().processDue(user, slow.platform)).toEqual({ kind: 'nothing' });
  slow.pass(20_000);
  expect(await slow.refresher().processDue(user, slow.platform)).toEqual({ kind: 'renewed' });
  expect(slow.provider.requests).toHaveLength(2);
  await slow.close();
});

it('a used-up rate is no failure: the connection falls due when there is room', async () => {
  const limited = await openProviderAndRefreshes({ profile: { limits: { per_minute: 1 } } });
  const [one, two] = [await limited.connect({}), await limited.connect({})];
  expect(await limited.refresher().processDue(one, limited.platform)).toEqual({ kind: 'renewed' });
  expect(await limited.refresher().processDue(two, limited.platform)).toEqual({
    kind: 'throttled',
    retryAfterMs: expect.any(Number),
  });
  expect(await limited.ask(two)).toMatchObject({ code: 'refresh_cooling_down', retryAfterMs: expect.any(Number) });
  expect(await limited.recordOf(two)).toMatchObject({ condition: { kind: 'good' }, lease: null });
  expect(limited.provider.requests).toHaveLength(1);
  await limited.close();
});

it('a connection without refresh is published as expired once, by one of two processes', async () => {
  const user = await its.connect({ refresh: null, expiresInMs: MINUTE_MS });
  expect(await dueIn(user)).toBeLessThanOrEqual(MINUTE_MS);
  its.pass(MINUTE_MS);
  const processed = await Promise.all([processDue(user), processDue(user)]);
  expect(processed.filter(({ kind }) => kind === 'told')).toHaveLength(1);
  expect(await processDue(user)).toEqual({ kind: 'nothing' });
  expect(its.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED']);
  expect(its.auditOf(user)).toEqual(['StoreToken ok', 'TellState ok']);
  expect(await its.recordOf(user)).toMatchObject({ lease: null });
});

it('a connection whose refresh token has expired does not fall due again and again', async () => {
  const user = await its.connect({ expiresInMs: MINUTE_MS, refreshExpiresInMs: MINUTE_MS });
  its.pass(2 * MINUTE_MS);
  expect(await processDue(user)).toEqual({ kind: 'told' });
  for (let times = 0; times < 3; times += 1) {
    expect(await processDue(user)).toEqual({ kind: 'nothing' });
    expect(await dueIn(user)).toBeGreaterThan(HOUR_MS);
  }
  expect(its.provider.requests).toHaveLength(0);
  expect(its.events.at(-1)).toMatchObject({ change: 'EXPIRED', view: { action: 'REAUTH' } });
});

it('a near end is published once, also when refreshes begin to fail then', async () => {
  const user = await its.connect({ expiresInMs: 5 * DAY_MS, refreshExpiresInMs: 4 * DAY_MS });
  its.provider.otherwise(misbehave.serverError());
  for (let hours = 0; hours < 4 * 24 - 1; hours += 1) {
    await processDue(user);
    its.pass(HOUR_MS);
  }
  expect(its.changesOf(user).filter((change) => change === 'LAPSING')).toHaveLength(1);
  expect(its.changesOf(user)).toEqual(['CONNECTED', 'FAILING', 'LAPSING']);
});

it('a recovery is published once', async () => {
  const user = await its.connect({});
  its.provider.script(misbehave.serverError());
  await processDue(user);
  its.pass(await dueIn(user));
  await Promise.all([processDue(user), processDue(user), its.ask(user)]);
  await processDue(user);
  expect(its.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED', 'RECOVERED']);
});

it('what a dead process left is resolved before the status is published', async () => {
  const died = await openProviderAndRefreshes({ kind: 'revoking', timeoutMs: 400, persistMs: 400 });
  // Valid for a while, then neither valid nor to be refreshed ahead of time by anybody but who asks.
  const user = await died.connect({ refresh: 'left', expiresInMs: MINUTE_MS });
  const { parts, died: death } = mortal(died.vault, 'after asking');
  const { tokenVersion } = await died.recordOf(user);
  void died.ask(user, { rejectedVersion: tokenVersion, refresher: died.refresher(parts) });
  await death;
  died.pass(MINUTE_MS);
  const expire = (await died.recordOf(user)).lease?.until ?? 0;
  await new Promise((resolve) => setTimeout(resolve, expire - Date.now() + 50));
  expect(await died.refresher().processDue(user, died.platform)).toEqual({ kind: 'dead' });
  expect(died.sent('left')).toBe(1);
  expect(died.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED']);
  await died.close();
});

it('what is gone is gone', async () => {
  const user = await its.connect({});
  await revoke(its.vault, its.platform, user);
  expect(await processDue(user)).toEqual({ kind: 'gone' });
});
