import {
  type AuthorizationServer,
  type MisbehavingProvider,
  openAuthorizationServer,
  openMisbehavingProvider,
} from '@vault-engine/authorization-server';
import { drainPending, status, type UserId } from '@vault-engine/vault';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Moment, mortal } from './mortal.ts';
import { openRefreshes, type Refreshes } from './open-refreshes.ts';
import { KINDS, type Kind, profileOf } from './profiles.ts';

const TIMES = { timeoutMs: 500, persistMs: 400 };

/** What a process that died has left. */
interface Crashed {
  readonly user: UserId;
  /** How often the user's refresh token has been sent. */
  readonly sent: () => number;
}

/** What death has left where a second use is harmless, and where it is fatal. */
interface Left {
  /** How often the refresh token has been sent in the end, if that is harmless. */
  readonly sent: number;
  /** Whether a provider that ends grants still takes it, and whether anybody but the provider can know. */
  readonly refresh: 'unspent' | 'unspent for all that its provider can tell' | 'spent';
}

/** The provider has not been asked, and the lease says so. */
const UNSPENT: Left = { sent: 1, refresh: 'unspent' };
const UNASKED: Left = { sent: 1, refresh: 'unspent for all that its provider can tell' };
const SPENT: Left = { sent: 2, refresh: 'spent' };

const CRASHES: Partial<Record<Moment, Left>> = {
  'before claiming': UNSPENT,
  'after claiming': UNSPENT,
  'before auditing the intent': UNSPENT,
  'after auditing the intent': UNSPENT,
  'before calling': UNSPENT,
  'after calling': UNASKED,
  'before asking': UNASKED,
  'after asking': SPENT,
  'before writing': SPENT,
};

/** Whether a connection does not survive what is left of it. */
const isLost = (kind: Kind, { refresh }: Left): boolean =>
  kind === 'revoking' ? refresh !== 'unspent' : kind === 'telling' && refresh === 'spent';

const WRITTEN: readonly Moment[] = [
  'after writing',
  'before auditing the result',
  'after auditing the result',
  'before telling',
  'after telling',
];

describe.each(Object.keys(KINDS) as Kind[])('a provider whose refresh tokens are spent so: %s', (kind) => {
  let provider: MisbehavingProvider;
  let refreshes: Refreshes;
  let crashed: ReadonlyMap<string, Crashed>;

  beforeAll(async () => {
    provider = await openMisbehavingProvider();
    refreshes = await openRefreshes({ profile: profileOf(provider, kind), ...TIMES });
    // At the same time, so that their leases lapse at the same time.
    const moments = [...(Object.keys(CRASHES) as Moment[]), ...WRITTEN];
    crashed = new Map(await Promise.all(moments.map(async (moment) => [moment, await leftBehind(moment)] as const)));
  });
  afterAll(async () => {
    await refreshes.close();
    await provider.close();
  });

  /** A user whose renewal a process has begun, and not ended as it died. */
  const leftBehind = async (moment: Moment): Promise<Crashed> => {
    const refresh = `refresh of ${moment}`;
    const user = await refreshes.connect({ refresh });
    const { parts, died } = mortal(refreshes.vault, moment);
    void refreshes.ask(user, { refresher: refreshes.refresher(parts) });
    await died;
    return { user, sent: () => provider.refreshTokens().filter((token) => token === refresh).length };
  };

  const crashedAt = (moment: string): Crashed => {
    const found = crashed.get(moment);
    if (found === undefined) throw new Error(`nobody has died ${moment}`);
    return found;
  };

  it.each(Object.entries(CRASHES))('death %s', async (moment, left) => {
    const { user, sent } = crashedAt(moment);
    const answer = await refreshes.ask(user);
    const record = await refreshes.recordOf(user);
    expect(record.lease).toBeNull();
    if (isLost(kind, left)) {
      expect(answer).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
      expect(record.condition).toMatchObject({ kind: 'dead', reason: 'outcome_unknown' });
      expect(status(record, refreshes.vault.now())).toMatchObject({ status: 'EXPIRED', action: 'REAUTH' });
      expect(sent()).toBe(left.sent - 1);
      expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED']);
    } else {
      expect(answer).toMatchObject({ code: 'ok', warning: null });
      expect(record.condition).toEqual({ kind: 'good' });
      expect(status(record, refreshes.vault.now())).toMatchObject({ status: 'CONNECTED', action: 'NONE' });
      expect(sent()).toBe(left.sent);
      expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'RENEWED']);
    }
  });

  it.each(WRITTEN)('death %s: the write holds and is published once', async (moment) => {
    const { user, sent } = crashedAt(moment);
    const record = await refreshes.recordOf(user);
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok', tokenVersion: record.tokenVersion });
    expect(record).toMatchObject({ condition: { kind: 'good' }, lease: null });
    expect(sent()).toBe(1);
    await drainPending(refreshes.vault, 0);
    // What was written before and after has the same id: it counts once.
    const ids = (list: readonly { readonly id: string }[]) => new Set(list.map(({ id }) => id)).size;
    expect(ids(refreshes.events.filter((event) => event.userId === user))).toBe(2);
    expect(new Set(refreshes.changesOf(user))).toEqual(new Set(['CONNECTED', 'RENEWED']));
    expect(ids(refreshes.audited.filter((entry) => entry.userId === user))).toBe(3);
    expect(refreshes.auditOf(user)).toContain('RefreshToken ok');
  });
});

describe('a server that ends a grant whose refresh token is used twice', () => {
  let server: AuthorizationServer;
  let refreshes: Refreshes;
  beforeEach(async () => {
    server = await openAuthorizationServer({ lifetimes: { access: 60 } });
  });
  afterEach(async () => {
    await refreshes.close();
    await server.close();
  });

  /** A connection of such a server, whose first renewal dies at one moment, its second at another, and so on. */
  const diedOver = async (kind: Kind, ...moments: readonly Moment[]): Promise<UserId> => {
    refreshes = await openRefreshes({ profile: profileOf(server, kind), ...TIMES });
    const { refresh } = await server.consent('a');
    const user = await refreshes.connect({ refresh });
    for (const moment of moments) {
      const { parts, died } = mortal(refreshes.vault, moment);
      void refreshes.ask(user, { refresher: refreshes.refresher(parts) });
      await died;
    }
    return user;
  };

  it.each<Kind>(['revoking', 'telling'])(
    '9: gets a refresh token once, with or without introspection: %s',
    async (kind) => {
      const user = await diedOver(kind, 'after asking');
      expect(await refreshes.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
      expect(server.counts().refreshes).toEqual({ total: 1, refreshed: 1, refused: 0 });
    },
  );

  it('9: refreshes what introspection calls unspent, and can refresh it again', async () => {
    const user = await diedOver('telling', 'before asking');
    const answer = await refreshes.ask(user);
    if (answer.code !== 'ok') return expect.fail(answer.code);
    expect(await server.accepts(answer.access)).toBe(true);
    const { tokenVersion } = answer;
    expect(await refreshes.ask(user, { rejectedVersion: tokenVersion })).toMatchObject({ code: 'ok' });
    expect(server.counts().refreshes).toEqual({ total: 2, refreshed: 2, refused: 0 });
  });

  it.each<Moment>(['before introspecting', 'after introspecting', 'before auditing the intent', 'before calling'])(
    '9: death %s leaves what was found',
    async (moment) => {
      const user = await diedOver('telling', 'after calling', moment);
      expect(await refreshes.ask(user)).toMatchObject({ code: 'ok' });
      expect(server.counts().refreshes).toEqual({ total: 1, refreshed: 1, refused: 0 });
    },
  );

  it('9: a second death over a token that was said to be unspent is found as the first was', async () => {
    const user = await diedOver('telling', 'before asking', 'after asking');
    expect(await refreshes.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
    expect(server.counts().refreshes).toEqual({ total: 1, refreshed: 1, refused: 0 });
    expect(refreshes.auditOf(user)).toEqual([
      'StoreToken ok',
      'RefreshToken started',
      'RefreshToken started',
      'RefreshToken expired_token outcome_unknown',
    ]);
  });
});
