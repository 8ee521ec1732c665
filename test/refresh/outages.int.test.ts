import { type MisbehavingProvider, misbehave, openMisbehavingProvider } from '@vault-engine/authorization-server';
import { openRedisStore } from '@vault-engine/token-store';
import { drainPending, PortUnavailable, type TokenStore, type UserId } from '@vault-engine/vault';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Told } from './ask.ts';
import { type BreakableLink, openBreakableLink } from './breakable-link.ts';
import { mortal } from './mortal.ts';
import { openRefreshes, type Refreshes } from './open-refreshes.ts';
import { type Kind, profileOf } from './profiles.ts';

const TIMES = { timeoutMs: 500, persistMs: 400 };
/** Longer than a lease lasts, and than the store tries by itself. */
const LONG_MS = 1_700;

let provider: MisbehavingProvider;
let link: BreakableLink;
let refreshes: Refreshes;
/** The store by a way that does not break, as another machine has it. */
let elsewhere: TokenStore;

const open = async (kind: Kind) => {
  provider = await openMisbehavingProvider();
  link = openBreakableLink();
  let address = { url: '', keyPrefix: '' };
  refreshes = await openRefreshes({
    profile: profileOf(provider, kind),
    ...TIMES,
    storeAt: (url, keyPrefix) => {
      address = { url, keyPrefix };
      return link.storeAt(url);
    },
  });
  elsewhere = await openRedisStore({ ...address, requireDurable: false });
};
beforeEach(() => open('revoking'));
afterEach(async () => {
  link.mend();
  await refreshes.close();
  await elsewhere.close();
  await link.close();
  await provider.close();
});

/** Someone asks for a token; when the provider has the request, the store is gone. Then the provider answers `behaviour`. */
const storeLostMeanwhile = async (behaviour = misbehave.refresh()) => {
  const user = await refreshes.connect({});
  provider.script((response, right) => {
    link.breakOff();
    behaviour(response, right);
  });
  let told: Told | null = null;
  const answer = refreshes.ask(user).then((answered) => {
    told = answered;
    return answered;
  });
  await vi.waitUntil(() => provider.requests.length > 0, { timeout: 5_000 });
  return { user, answer, told: () => told };
};

const recordElsewhere = async (user: UserId) => (await elsewhere.readConnection(user, refreshes.platform)).record;
const broken = () => new Promise((resolve) => setTimeout(resolve, LONG_MS));

describe('the store is lost after the provider has answered', () => {
  it('new tokens are written when it is back, and no caller gets an answer before', async () => {
    const { user, answer, told } = await storeLostMeanwhile();
    await broken();
    expect(told()).toBeNull();
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED']);
    link.mend();
    expect(await answer).toMatchObject({ code: 'ok', access: provider.latest()?.access_token });
    expect(await refreshes.recordOf(user)).toMatchObject({ condition: { kind: 'good' }, lease: null });
    expect(provider.requests).toHaveLength(1);
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'RENEWED']);
  });

  it('a caller whose time is up is asked to retry, and then finds the new tokens', async () => {
    const user = await refreshes.connect({});
    provider.script((response, right) => {
      link.breakOff();
      misbehave.refresh()(response, right);
    });
    expect(await refreshes.ask(user, { waitMs: 200 })).toMatchObject({ code: 'provider_unavailable' });
    link.mend();
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok', access: 'access-1' });
    expect(provider.requests).toHaveLength(1);
  });

  it('new tokens are written although another has given the connection up meanwhile', async () => {
    const { user, answer } = await storeLostMeanwhile();
    await vi.waitUntil(async () => ((await recordElsewhere(user))?.lease?.until ?? 0) < Date.now(), { timeout: 5_000 });
    const other = refreshes.refresher({ store: elsewhere });
    const { tokenVersion } = (await recordElsewhere(user)) ?? expect.unreachable();
    await other.processDue(user, refreshes.platform);
    expect(await recordElsewhere(user)).toMatchObject({ tokenVersion, condition: { kind: 'dead' } });
    link.mend();
    expect(await answer).toMatchObject({ code: 'ok', access: 'access-1' });
    expect(await refreshes.recordOf(user)).toMatchObject({ condition: { kind: 'good' }, lease: null });
    expect(provider.requests).toHaveLength(1);
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED', 'RECOVERED']);
  });

  it('new tokens are written although another has claimed the lease meanwhile, once that one has died', async () => {
    const { user, answer } = await storeLostMeanwhile();
    await vi.waitUntil(async () => ((await recordElsewhere(user))?.lease?.until ?? 0) < Date.now(), { timeout: 5_000 });
    const { parts, died } = mortal({ ...refreshes.vault, store: elsewhere }, 'after claiming');
    void refreshes.refresher(parts).processDue(user, refreshes.platform);
    await died;
    link.mend();
    expect(await answer).toMatchObject({ code: 'ok', access: 'access-1' });
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'RENEWED']);
  });

  it('what the provider refused kills no connection: the refresh token is not spent', async () => {
    const { user, answer } = await storeLostMeanwhile(misbehave.invalidClient());
    await broken();
    link.mend();
    expect(await answer).toMatchObject({ code: 'provider_misconfigured' });
    const { condition } = await refreshes.recordOf(user);
    expect(condition).toMatchObject({ kind: 'failing', reason: 'provider_misconfigured', failures: 1 });
  });

  it('a grant that was called dead is asked for once more when it is back', async () => {
    const { answer } = await storeLostMeanwhile(misbehave.invalidGrant());
    await broken();
    expect(provider.requests).toHaveLength(1);
    link.mend();
    expect(await answer).toMatchObject({ code: 'ok', access: 'access-2' });
  });
});

describe('within the grace', () => {
  beforeEach(async () => {
    await refreshes.close();
    await elsewhere.close();
    await link.close();
    await provider.close();
    await open('graced');
  });

  it('what another has got from the provider meanwhile stays, and the first one’s tokens are dropped', async () => {
    const { user, answer } = await storeLostMeanwhile();
    await vi.waitUntil(async () => ((await recordElsewhere(user))?.lease?.until ?? 0) < Date.now(), { timeout: 5_000 });
    expect(await refreshes.refresher({ store: elsewhere }).processDue(user, refreshes.platform)).toEqual({
      kind: 'renewed',
    });
    link.mend();
    expect(await answer).toMatchObject({ code: 'ok', access: 'access-2' });
    expect(provider.refreshTokens()).toEqual(['refresh-0', 'refresh-0']);
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'RENEWED']);
  });
});

describe('before the provider is asked', () => {
  it('a store whose answer is lost when the lease says `called` costs no connection', async () => {
    const user = await refreshes.connect({});
    const { store } = refreshes.vault;
    let releases = 0;
    const losing: TokenStore = {
      ...store,
      hold: async (of) => {
        await store.hold(of);
        if (of.phase === 'called') throw new PortUnavailable('storage', 'no answer');
        return true;
      },
      release: (of) => {
        releases += 1;
        if (releases < 5) throw new PortUnavailable('storage', 'no answer');
        return store.release(of);
      },
    };
    const asked = refreshes.ask(user, { refresher: refreshes.refresher({ store: losing }) });
    await expect(asked).rejects.toMatchObject({ port: 'storage' });
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok', access: 'access-1' });
  });

  it('an audit log that takes nothing keeps the provider from being asked, and the lease from being kept', async () => {
    const user = await refreshes.connect({});
    refreshes.auditFails(true);
    await expect(refreshes.ask(user)).rejects.toMatchObject({ port: 'audit' });
    expect(provider.requests).toHaveLength(0);
    expect((await refreshes.recordOf(user)).lease).toBeNull();
    refreshes.auditFails(false);
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok' });
  });
});

it('an audit log that is lost after the provider has answered gets its records later', async () => {
  const user = await refreshes.connect({});
  provider.script((response, right) => {
    refreshes.auditFails(true);
    misbehave.refresh()(response, right);
  });
  expect(await refreshes.ask(user)).toMatchObject({ code: 'ok', access: 'access-1' });
  expect(refreshes.changesOf(user)).toEqual(['CONNECTED']);
  refreshes.auditFails(false);
  expect(await drainPending(refreshes.vault, 0)).toBe(1);
  expect(refreshes.auditOf(user)).toEqual(['StoreToken ok', 'RefreshToken started', 'RefreshToken ok']);
  expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'RENEWED']);
});
