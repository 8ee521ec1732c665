import {
  type MisbehavingProvider,
  openAuthorizationServer,
  openMisbehavingProvider,
} from '@vault-engine/authorization-server';
import { drainPending, status, type UserId } from '@vault-engine/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Moment, mortal } from './mortal.ts';
import { openRenewals, type Renewals } from './open-renewals.ts';
import { KINDS, type Kind, profileOf } from './profiles.ts';

const TIMES = { timeoutMs: 500, persistMs: 200 };

/** What a process that died has left. */
interface Crashed {
  readonly user: UserId;
  /** How often the user's refresh token has been sent. */
  readonly sent: () => number;
}

/** How often the refresh token has been sent in the end, and whether it may be sent at all where a second time is fatal. */
interface Left {
  readonly sent: number;
  readonly mayBeSpent: boolean;
}

/** The provider has not been asked, and the lease says so. */
const UNSPENT: Left = { sent: 1, mayBeSpent: false };

const CRASHES: Partial<Record<Moment, Left>> = {
  'before claiming': UNSPENT,
  'after claiming': UNSPENT,
  'before auditing the intent': UNSPENT,
  'after auditing the intent': UNSPENT,
  'before calling': UNSPENT,
  'after calling': { sent: 1, mayBeSpent: true },
  'before asking': { sent: 1, mayBeSpent: true },
  'after asking': { sent: 2, mayBeSpent: true },
  'before writing': { sent: 2, mayBeSpent: true },
};

const WRITTEN: readonly Moment[] = [
  'after writing',
  'before auditing the result',
  'after auditing the result',
  'before telling',
  'after telling',
];

describe.each(Object.keys(KINDS) as Kind[])('a provider whose refresh tokens are spent so: %s', (kind) => {
  let provider: MisbehavingProvider;
  let renewals: Renewals;
  let crashed: ReadonlyMap<string, Crashed>;

  beforeAll(async () => {
    provider = await openMisbehavingProvider();
    renewals = await openRenewals({ profile: profileOf(provider, kind), ...TIMES });
    // At the same time, so that their leases lapse at the same time.
    const moments = [...(Object.keys(CRASHES) as Moment[]), ...WRITTEN];
    crashed = new Map(await Promise.all(moments.map(async (moment) => [moment, await leftBehind(moment)] as const)));
  });
  afterAll(async () => {
    await renewals.close();
    await provider.close();
  });

  /** A user whose renewal a process has begun, and not ended as it died. */
  const leftBehind = async (moment: Moment): Promise<Crashed> => {
    const refresh = `refresh of ${moment}`;
    const user = await renewals.connect({ refresh });
    const { parts, died } = mortal(renewals.vault, moment);
    void renewals.ask(user, { renewer: renewals.renewer(parts) });
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
    const answer = await renewals.ask(user);
    const record = await renewals.recordOf(user);
    expect(record.lease).toBeNull();
    if (kind === 'revoking' && left.mayBeSpent) {
      expect(answer).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
      expect(record.condition).toMatchObject({ kind: 'dead', reason: 'outcome_unknown' });
      expect(status(record, renewals.vault.now())).toMatchObject({ status: 'EXPIRED', action: 'REAUTH' });
      expect(sent()).toBe(left.sent - 1);
      expect(renewals.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED']);
    } else {
      expect(answer).toMatchObject({ code: 'ok', warning: null });
      expect(record.condition).toEqual({ kind: 'good' });
      expect(status(record, renewals.vault.now())).toMatchObject({ status: 'CONNECTED', action: 'NONE' });
      expect(sent()).toBe(left.sent);
      expect(renewals.changesOf(user)).toEqual(['CONNECTED', 'RENEWED']);
    }
  });

  it.each(WRITTEN)('death %s: what is written holds, and everybody is told once', async (moment) => {
    const { user, sent } = crashedAt(moment);
    const record = await renewals.recordOf(user);
    expect(await renewals.ask(user)).toMatchObject({ code: 'ok', tokenVersion: record.tokenVersion });
    expect(record).toMatchObject({ condition: { kind: 'good' }, lease: null });
    expect(sent()).toBe(1);
    await drainPending(renewals.vault, 0);
    // What was written before and after has the same id: it counts once.
    const ids = (list: readonly { readonly id: string }[]) => new Set(list.map(({ id }) => id)).size;
    expect(ids(renewals.events.filter((event) => event.userId === user))).toBe(2);
    expect(new Set(renewals.changesOf(user))).toEqual(new Set(['CONNECTED', 'RENEWED']));
    expect(ids(renewals.audited.filter((entry) => entry.userId === user))).toBe(3);
    expect(renewals.auditOf(user)).toContain('RefreshToken ok');
  });
});

it('9: a server that ends a grant whose refresh token is used twice is not asked twice', async () => {
  const server = await openAuthorizationServer({ lifetimes: { access: 60 } });
  const renewals = await openRenewals({ profile: profileOf(server, 'revoking'), ...TIMES });
  const { refresh } = await server.consent('a');
  const user = await renewals.connect({ refresh });
  const { parts, died } = mortal(renewals.vault, 'after asking');
  void renewals.ask(user, { renewer: renewals.renewer(parts) });
  await died;
  expect(await renewals.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
  expect(server.counts().refreshes).toEqual({ total: 1, renewed: 1, refused: 0 });
  await renewals.close();
  await server.close();
});
