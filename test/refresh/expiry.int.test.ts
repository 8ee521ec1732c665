import { misbehave, openHttpServer, sendJson } from '@vault-engine/authorization-server';
import type { UserId } from '@vault-engine/vault';
import { afterEach, describe, expect, it, test } from 'vitest';
import {
  openProviderAndRefreshes,
  type ProviderAndRefreshes,
  type ProviderOptions,
} from './open-provider-and-refreshes.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const opened: ProviderAndRefreshes[] = [];
const open = async (options: ProviderOptions): Promise<ProviderAndRefreshes> => {
  const its = await openProviderAndRefreshes(options);
  opened.push(its);
  return its;
};
afterEach(() => Promise.all(opened.splice(0).map((its) => its.close())));

/** When the store lets a connection fall due, milliseconds from now. */
const dueIn = async ({ store, vault }: ProviderAndRefreshes, user: UserId): Promise<number | null> => {
  const due = (await store.upcoming(1_000)).find((next) => next.user === user);
  return due === undefined ? null : due.dueAt - vault.now();
};

describe('19: an answer without expires_in', () => {
  const refreshedWith = async (access: NonNullable<ProviderOptions['profile']>['access'], more = {}) => {
    const its = await open({ profile: { access, ...more } });
    const user = await its.connect({});
    its.provider.script(misbehave.withoutExpiry());
    await its.ask(user);
    const { expiresAt } = (await its.recordOf(user)).metadata;
    return { inMs: expiresAt === null ? null : expiresAt - its.vault.now(), dueInMs: await dueIn(its, user) };
  };

  it('means the default of the profile', async () => {
    const { inMs, dueInMs } = await refreshedWith({ none_means: 'use_default', default_ttl_s: 1_800 });
    expect(inMs).toBeGreaterThan(29 * MINUTE_MS);
    expect(inMs).toBeLessThanOrEqual(30 * MINUTE_MS);
    expect(dueInMs).toBeLessThan(30 * MINUTE_MS);
  });

  it('is asked for by introspection', async () => {
    const exp = Math.floor(Date.now() / 1_000) + 7_200;
    const server = await openHttpServer((_received, response) => sendJson(response, 200, { active: true, exp }));
    const { inMs } = await refreshedWith({ none_means: 'introspect' }, { introspection: { url: server.url } });
    expect(inMs).toBeGreaterThan(119 * MINUTE_MS);
    await server.close();
  });

  it('means never, and the connection is left alone, where the profile says nothing', async () => {
    expect(await refreshedWith({})).toEqual({ inMs: null, dueInMs: null });
  });
});

test('20: a connection falls due ahead of its expiry, by at most 15 minutes and a fifth of its lifetime, and jitter', async () => {
  const its = await open({});
  for (const lifetime of [5 * MINUTE_MS, HOUR_MS, 8 * HOUR_MS]) {
    const user = await its.connect({ expiresInMs: lifetime });
    const margin = Math.min(15 * MINUTE_MS, lifetime / 5);
    const ahead = lifetime - ((await dueIn(its, user)) ?? 0);
    expect(ahead).toBeGreaterThanOrEqual(margin - 1);
    expect(ahead).toBeLessThan(margin + Math.min(MINUTE_MS, margin) + 5_000);
  }
});

describe('21: a refresh token that dies', () => {
  it('of idleness is used before it does, and lives as long again', async () => {
    const its = await open({ profile: { refresh_ttl: { idle_d: 60 } } });
    const user = await its.connect({ refresh: 'idle', expiresInMs: null, refreshExpiresInMs: 60 * DAY_MS });
    const due = (await dueIn(its, user)) ?? 0;
    expect(due).toBeGreaterThan(58 * DAY_MS);
    expect(due).toBeLessThan(59 * DAY_MS + 1);
    its.pass(due + MINUTE_MS);
    expect(await its.refresher().processDue(user, its.platform)).toEqual({ kind: 'renewed' });
    expect(its.sent('idle')).toBe(1);
    const { refreshExpiresAt } = (await its.recordOf(user)).metadata;
    expect((refreshExpiresAt ?? 0) - its.vault.now()).toBeGreaterThan(59 * DAY_MS);
  });

  it('with its grant is warned of, then published, each once', async () => {
    const its = await open({ profile: { refresh_ttl: { absolute_d: 10 } } });
    const user = await its.connect({ expiresInMs: 11 * DAY_MS });
    const refresher = its.refresher();
    for (let day = 0; day <= 12; day += 1) {
      await refresher.processDue(user, its.platform);
      await refresher.processDue(user, its.platform);
      its.pass(DAY_MS);
    }
    expect(its.changesOf(user)).toEqual(['CONNECTED', 'LAPSING', 'EXPIRED']);
    const [, lapsing, expired] = its.events.map(({ view }) => view);
    expect(lapsing).toMatchObject({ status: 'CONNECTED', action: 'REAUTH', reason: 'grant_lapses' });
    expect(expired).toMatchObject({ status: 'EXPIRED', action: 'REAUTH' });
  });
});

test('22: a connection is not refreshed more often than its provider allows', async () => {
  const its = await open({ profile: { refresh: { min_interval_s: 60 } } });
  const user = await its.connect({});
  expect(await its.ask(user)).toMatchObject({ code: 'ok' });
  const rejectedVersion = (await its.recordOf(user)).tokenVersion;
  expect(await its.ask(user, { rejectedVersion })).toMatchObject({
    code: 'refresh_cooling_down',
    reason: 'rejected_by_platform',
    retryAfterMs: expect.toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000),
  });
  expect(its.provider.requests).toHaveLength(1);
  its.pass(MINUTE_MS);
  expect(await its.ask(user, { rejectedVersion })).toMatchObject({ code: 'ok' });
  expect(its.provider.requests).toHaveLength(2);
});
