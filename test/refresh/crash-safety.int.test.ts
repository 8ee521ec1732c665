import { type MisbehavingProvider, misbehave, openMisbehavingProvider } from '@vault-engine/authorization-server';
import { type Change, PortUnavailable, type Providers, type SpentOrNot, type TokenStore } from '@vault-engine/vault';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type Moment, mortal } from './mortal.ts';
import {
  openProviderAndRefreshes,
  type ProviderAndRefreshes,
  refuseUntilBelieved,
} from './open-provider-and-refreshes.ts';
import { openRefreshes, type Refreshes } from './open-refreshes.ts';
import { GRACE_S, profileOf } from './profiles.ts';

const TIMES = { timeoutMs: 500, persistMs: 400 };

let its: ProviderAndRefreshes;
beforeAll(async () => {
  its = await openProviderAndRefreshes({ kind: 'revoking' });
});
afterAll(() => its.close());

const storeOut = (): never => {
  throw new PortUnavailable('storage', 'it takes no writes');
};

test('6: a store that takes no writes costs no refresh token', async () => {
  const user = await its.connect({ refresh: 'unspent' });
  const store: TokenStore = { ...its.store, claim: async () => storeOut(), hold: async () => storeOut() };
  await expect(its.ask(user, { refresher: its.refresher({ store }) })).rejects.toMatchObject({ port: 'storage' });
  expect(its.sent('unspent')).toBe(0);
});

test('6: access token, refresh token, event and due time are written in one step', async () => {
  const user = await its.connect({ refresh: 'one step' });
  const changes: Change[] = [];
  const store: TokenStore = {
    ...its.store,
    apply: (change) => {
      changes.push(change);
      return its.store.apply(change);
    },
  };
  await its.ask(user, { refresher: its.refresher({ store }) });
  const record = await its.recordOf(user);
  expect(changes).toMatchObject([
    {
      put: { record: { access: record.access, refresh: record.refresh }, dueAt: expect.any(Number) },
      leaseOwner: expect.any(String),
      transition: { events: [expect.any(Buffer)] },
    },
  ]);
});

test('7: tokens are not issued before they are written', async () => {
  const user = await its.connect({ refresh: 'unwritten' });
  let out = true;
  const store: TokenStore = { ...its.store, apply: async (change) => (out ? storeOut() : its.store.apply(change)) };
  const refresher = its.refresher({ store });
  expect(await its.ask(user, { refresher, waitMs: 300 })).toMatchObject({ code: 'provider_unavailable' });
  out = false;
  expect(await its.ask(user, { refresher })).toMatchObject({ code: 'ok' });
  expect(its.sent('unwritten')).toBe(1);
});

test('8: a refresh goes on when its caller has gone, and is waited for at the end', async () => {
  const user = await its.connect({ refresh: 'outlived' });
  const refresher = its.refresher();
  its.provider.script(misbehave.slow(400));
  expect(await its.ask(user, { refresher, waitMs: 20 })).toMatchObject({ reason: 'renewal_under_way' });
  expect(refresher.underWay).toBe(1);
  expect(await refresher.drain(1)).toBe(false);
  expect(await refresher.drain(5_000)).toBe(true);
  expect(refresher.underWay).toBe(0);
  expect(await its.ask(user)).toMatchObject({ code: 'ok' });
  expect(its.sent('outlived')).toBe(1);
});

test('8: at the end nothing new is begun', async () => {
  const user = await its.connect({ refresh: 'too late' });
  const refresher = its.refresher();
  expect(await refresher.drain(1_000)).toBe(true);
  expect(await its.ask(user, { refresher })).toMatchObject({ reason: 'renewal_under_way' });
  expect(await refresher.processDue(user, its.platform)).toEqual({ kind: 'busy' });
  expect(its.sent('too late')).toBe(0);
});

describe('9: an outcome that is not known', () => {
  let provider: MisbehavingProvider;
  let refreshes: Refreshes;

  beforeAll(async () => {
    provider = await openMisbehavingProvider();
    refreshes = await openRefreshes({ profile: profileOf(provider, 'graced'), ...TIMES });
  });
  afterAll(async () => {
    await refreshes.close();
    await provider.close();
  });

  it('is not tried again behind the grace', async () => {
    const user = await refreshes.connect({ refresh: 'late' });
    const { parts, died } = mortal(refreshes.vault, 'after asking');
    void refreshes.ask(user, { refresher: refreshes.refresher(parts) });
    await died;
    refreshes.pass(GRACE_S * 1_000);
    expect(await refreshes.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
    expect(provider.refreshTokens().filter((token) => token === 'late')).toHaveLength(1);
  });

  it('is tried again and again in the grace, and is dead at its end', async () => {
    provider.otherwise(misbehave.cut());
    const user = await refreshes.connect({ refresh: 'cut' });
    const timesSent = () => provider.refreshTokens().filter((token) => token === 'cut').length;
    const sentAt: number[] = [];
    let since: number | null = null;
    for (let tries = 0; tries < 30; tries += 1) {
      const [before, now] = [timesSent(), refreshes.vault.now()];
      await refreshes.ask(user);
      if (timesSent() > before) sentAt.push(now);
      const { condition } = await refreshes.recordOf(user);
      if (condition.kind !== 'failing') break;
      expect(condition).toMatchObject({ reason: 'outcome_unknown', unknownSince: expect.any(Number) });
      since ??= condition.unknownSince;
      refreshes.pass(condition.retryAt - refreshes.vault.now() + 1);
    }
    provider.otherwise(misbehave.refresh());
    expect((await refreshes.recordOf(user)).condition).toMatchObject({ kind: 'dead', reason: 'outcome_unknown' });
    expect(sentAt.length).toBeGreaterThan(3);
    expect(Math.max(...sentAt)).toBeLessThan((since ?? 0) + GRACE_S * 1_000);
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED', 'EXPIRED']);
  });

  it('is dead with its own reason where the provider refuses the token that may be spent', async () => {
    const user = await refreshes.connect({ refresh: 'refused' });
    const { parts, died } = mortal(refreshes.vault, 'after asking');
    void refreshes.ask(user, { refresher: refreshes.refresher(parts) });
    await died;
    provider.script(misbehave.invalidGrant(), misbehave.invalidGrant());
    expect(await refreshes.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
  });
});

const HOUR_MS = 3_600_000;

describe('9: an unknown outcome after the grace, at a provider with introspection of refresh tokens', () => {
  let provider: MisbehavingProvider;
  let refreshes: Refreshes;

  beforeAll(async () => {
    provider = await openMisbehavingProvider();
    const introspection = { url: provider.introspectionUrl, refresh_tokens: true };
    refreshes = await openRefreshes({ profile: profileOf(provider, 'graced', { introspection }), ...TIMES });
  });
  afterAll(async () => {
    await refreshes.close();
    await provider.close();
  });

  const diedOver = async (refresh: string, moment: Moment) => {
    const user = await refreshes.connect({ refresh });
    const { parts, died } = mortal(refreshes.vault, moment);
    void refreshes.ask(user, { refresher: refreshes.refresher(parts) });
    await died;
    refreshes.pass(GRACE_S * 1_000);
    return user;
  };
  const sent = (refresh: string) => provider.refreshTokens().filter((token) => token === refresh).length;
  /** A renewer that is told so of every refresh token. */
  const told = (spentOrNot: SpentOrNot) => {
    const providers = { ...refreshes.vault.providers, introspect: async () => spentOrNot };
    return refreshes.refresher({ providers });
  };

  it('is refreshed if the refresh token was never sent', async () => {
    const user = await diedOver('unasked', 'before asking');
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok' });
    expect(sent('unasked')).toBe(1);
  });

  it('is dead if the refresh token was sent', async () => {
    const user = await diedOver('asked', 'after asking');
    expect(await refreshes.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
    expect(sent('asked')).toBe(1);
  });

  it('is refreshed once introspection answers again', async () => {
    const user = await diedOver('told late', 'before asking');
    const answer = await refreshes.ask(user, { refresher: told('unknown') });
    expect(answer).toMatchObject({ code: 'provider_unavailable', reason: 'outcome_unknown' });
    const { condition } = await refreshes.recordOf(user);
    if (condition.kind !== 'failing') return expect.fail(condition.kind);
    refreshes.pass(condition.retryAt - refreshes.vault.now());
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok' });
    expect(sent('told late')).toBe(1);
  });

  it('is dead when introspection has not answered for an hour', async () => {
    const user = await diedOver('untold', 'before asking');
    refreshes.pass(HOUR_MS);
    const answer = await refreshes.ask(user, { refresher: told('unknown') });
    expect(answer).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
    expect(sent('untold')).toBe(0);
  });

  it('is introspected also when it was written down, and cleared once known', async () => {
    const user = await refreshes.connect({ refresh: 'written down' });
    provider.script(misbehave.cut(), misbehave.invalidClient());
    await refreshes.ask(user);
    refreshes.pass(GRACE_S * 1_000);
    await refreshes.ask(user, { refresher: told('unspent') });
    expect((await refreshes.recordOf(user)).condition).toMatchObject({
      reason: 'provider_misconfigured',
      unknownSince: null,
    });
    expect(sent('written down')).toBe(2);
  });

  it('is sent under a doubt of its own, which has a grace of its own', async () => {
    const user = await diedOver('doubted twice', 'before asking');
    provider.script(misbehave.cut());
    const from = refreshes.vault.now();
    await refreshes.ask(user);
    const { condition } = await refreshes.recordOf(user);
    if (condition.kind !== 'failing') return expect.fail(condition.kind);
    expect(condition.reason).toBe('outcome_unknown');
    expect(condition.unknownSince).toBeGreaterThanOrEqual(from);
  });

  it('waits for a place in the provider’s rate, and is not forgotten meanwhile', async () => {
    const user = await diedOver('waiting', 'before asking');
    let asked = 0;
    const providers: Providers = {
      ...refreshes.vault.providers,
      admit: async () => ({ ok: false, retryAfterMs: 1_000 }),
      introspect: async () => {
        asked += 1;
        return 'unspent';
      },
    };
    const answer = await refreshes.ask(user, { refresher: refreshes.refresher({ providers }) });
    expect(answer).toMatchObject({ code: 'refresh_cooling_down' });
    expect([asked, (await refreshes.recordOf(user)).lease?.phase]).toEqual([0, 'called']);
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok' });
    expect(sent('waiting')).toBe(1);
  });
});

test('10: a dead grant is not asked for again where the user has connected anew meanwhile', async () => {
  const user = await its.connect({ refresh: 'before' });
  its.provider.script(async (response, right) => {
    await its.connect({ user, access: 'of the new', refresh: 'after', expiresInMs: 600_000 });
    misbehave.invalidGrant()(response, right);
  });
  expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'of the new' });
  expect([its.sent('before'), its.sent('after')]).toEqual([1, 0]);
  expect((await its.recordOf(user)).condition).toEqual({ kind: 'good' });
});

test('10: a dead grant takes no connection away, and keeps its refresh token', async () => {
  const user = await its.connect({});
  await refuseUntilBelieved(its, user);
  expect(await its.ask(user)).toMatchObject({ code: 'expired_token', reason: 'grant_refused' });
  expect(await its.recordOf(user)).toMatchObject({ condition: { kind: 'dead' }, refresh: expect.anything() });
});

test('11: a due entry holds a name only: the tokens are those that are stored when it is processed', async () => {
  const user = await its.connect({ refresh: 'when it fell due' });
  await its.connect({ user, refresh: 'when it is attended to' });
  expect(await its.refresher().processDue(user, its.platform)).toEqual({ kind: 'renewed' });
  expect([its.sent('when it fell due'), its.sent('when it is attended to')]).toEqual([0, 1]);
});

test('12: a refresh token stays in use where the answer names no other', async () => {
  const user = await its.connect({ refresh: 'kept' });
  its.provider.script(misbehave.withoutRefreshToken());
  await its.ask(user);
  await its.ask(user, { rejectedVersion: (await its.recordOf(user)).tokenVersion });
  expect(its.sent('kept')).toBe(2);
  await its.ask(user, { rejectedVersion: (await its.recordOf(user)).tokenVersion });
  expect(its.sent('kept')).toBe(2);
});

test('13: a token that a platform rejected is replaced once, although it has not expired', async () => {
  const user = await its.connect({ refresh: 'rejected', expiresInMs: 3_600_000 });
  const { tokenVersion: rejectedVersion } = await its.recordOf(user);
  expect(await its.ask(user)).toMatchObject({ access: 'access-0', tokenVersion: rejectedVersion });
  const answers = await Promise.all([1, 2, 3].map(() => its.ask(user, { rejectedVersion })));
  answers.push(await its.ask(user, { rejectedVersion }));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toMatchObject({ code: 'ok' });
  expect(its.sent('rejected')).toBe(1);
  expect(its.changesOf(user)).toEqual(['CONNECTED', 'RENEWED']);
});
