import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import { describe, expect, it } from 'vitest';
import type { ConnectionRecord, Flow } from '../connection-record.ts';
import { openRefresh } from '../credentials.ts';
import type { Identified, Providers } from '../providers.ts';
import { connectionOf, patient, terms } from '../testing/connection-samples.ts';
import { callOf, flowOn, GMAIL, KEY, keys, NOW, platforms, SLACK, USER, withFlows } from '../testing/flow-samples.ts';
import { accountDigest } from './account.ts';
import { type StoreToken, storeToken } from './store-token.ts';

const command = (changes: Partial<StoreToken> = {}): StoreToken => ({
  user: USER,
  platform: GMAIL,
  access: secretOf(Buffer.from('a')),
  refresh: null,
  metadata: { tokenType: 'Bearer', scopes: [], expiresAt: null, refreshExpiresAt: null, params: {} },
  allowAccountChange: false,
  ...changes,
});

const unregistered: Pick<Providers, 'terms' | 'clientId' | 'identify'> = {
  terms: () => null,
  clientId: () => null,
  identify: () => expect.fail('nobody is registered, and was asked'),
};

const storing = (providers = unregistered, changes: Partial<StoreToken> = {}) =>
  storeToken(
    { platforms, keys, providers, now: () => NOW },
    callOf('StoreToken'),
    { ...command(), ...changes },
    patient,
  );

const stored = async (flows: readonly Flow[]) => {
  const decision = await storing().decide(withFlows(...flows));
  return decision.kind === 'change' ? decision : expect.fail(`decided ${decision.kind}`);
};

describe('storing', () => {
  it('closes the flow of its platform, open or past its time, and no other', async () => {
    expect((await stored([flowOn(GMAIL), flowOn(SLACK)])).write.flows).toEqual([flowOn(SLACK)]);
    expect((await stored([flowOn(GMAIL, -1)])).write.flows).toEqual([]);
  });

  it('leaves the flows as they are where none is on its platform', async () => {
    expect((await stored([flowOn(SLACK)])).write.flows).toBeNull();
  });

  it('has one event, as without a flow', async () => {
    const { events } = await stored([flowOn(GMAIL)]);
    expect(events).toMatchObject([{ change: 'CONNECTED', view: { status: 'CONNECTED', action: 'NONE' } }]);
  });
});

describe('reconnecting', () => {
  const earlier = { since: NOW, endsAt: null, refreshedAt: null, account: accountDigest(GMAIL, 'ada') };
  const connected = { ...withFlows(), connections: new Map([[GMAIL, connectionOf(3, { grant: earlier })]]) };
  const providerSays = (identified: Identified) => {
    let asked = 0;
    const identify = async () => {
      asked += 1;
      return identified;
    };
    return { providers: { terms: () => terms, clientId: () => 'vault', identify }, asked: () => asked };
  };
  const says = (account: string) => providerSays({ ok: true, value: account }).providers;
  const accountKept = (account: string | null) => ({
    kind: 'change',
    write: { put: { record: { grant: { account } } } },
  });

  it('is of the account that it was of', async () => {
    expect(await storing(says('ada')).decide(connected)).toMatchObject(accountKept(earlier.account));
  });

  it('is refused with the tokens of another account', async () => {
    expect(await storing(says('eve')).decide(connected)).toMatchObject({ failure: { code: 'account_mismatch' } });
  });

  it('is of another account where that is asked for', async () => {
    const decided = await storing(says('eve'), { allowAccountChange: true }).decide(connected);
    expect(decided).toMatchObject(accountKept(accountDigest(GMAIL, 'eve')));
  });

  it('goes on where the provider does not say, keeps the account that is known, and has that audited', async () => {
    const { providers } = providerSays({ ok: false, reason: 'no_answer' });
    const decided = await storing(providers).decide(connected);
    expect(decided).toMatchObject({ ...accountKept(earlier.account), reason: 'identity_unknown' });
  });

  it('asks the provider once, however often it is decided, and the first time too', async () => {
    const { providers, asked } = providerSays({ ok: true, value: 'ada' });
    const { decide } = storing(providers);
    const decided = await decide(withFlows());
    expect(decided).toMatchObject(accountKept(earlier.account));
    expect(decided).not.toHaveProperty('reason');
    await decide(connected);
    expect(asked()).toBe(1);
  });

  const recordIn = (decided: Awaited<ReturnType<ReturnType<typeof storing>['decide']>>) =>
    (decided.kind === 'change' ? decided.write.put?.record : undefined) ?? expect.fail('nothing is stored');
  const refreshTokenIn = (decided: Parameters<typeof recordIn>[0]): string | null => {
    const opened = openRefresh(KEY, { user: USER, platform: GMAIL }, recordIn(decided));
    return opened === null ? null : String(reveal(opened));
  };

  it('without a refresh token keeps the one of the same account, its grant and the parameters', async () => {
    const decided = await storing(says('ada'), {
      metadata: { ...command().metadata, expiresAt: NOW + 1_000, params: { tenant: 't' } },
    }).decide(connected);
    expect(refreshTokenIn(decided)).toBe('refresh');
    expect(recordIn(decided)).toMatchObject({
      condition: { kind: 'good' },
      grant: earlier,
      metadata: { params: { region: 'eu', tenant: 't' } },
    });
    expect(decided).toMatchObject({ reason: 'refresh_token_kept' });
  });

  it.each<[string, Identified, Partial<StoreToken>]>([
    ['of another account', { ok: true, value: 'eve' }, { allowAccountChange: true }],
    ['of an account that the provider does not say', { ok: false, reason: 'no_answer' }, {}],
    ['of an account that the platform cannot say', { ok: true, value: null }, {}],
  ])('without a refresh token keeps none where the tokens are %s', async (_title, identified, changes) => {
    const decided = await storing(providerSays(identified).providers, changes).decide(connected);
    expect(refreshTokenIn(decided)).toBeNull();
    expect(recordIn(decided)).toMatchObject({ condition: { kind: 'none' }, metadata: { params: {} } });
  });

  it('with a refresh token replaces the stored one', async () => {
    const decided = await storing(says('ada'), { refresh: secretOf(Buffer.from('newer')) }).decide(connected);
    expect(refreshTokenIn(decided)).toBe('newer');
  });

  it('keeps nothing of a record that does not open', async () => {
    const broken = connectionOf(3, { grant: earlier, version: 4 });
    const decided = await storing(says('ada')).decide({ ...connected, connections: new Map([[GMAIL, broken]]) });
    expect(refreshTokenIn(decided)).toBeNull();
  });

  it.each<[string, Partial<ConnectionRecord>, object]>([
    ['tries a dead one again', { condition: { kind: 'dead', reason: 'grant_refused', since: NOW } }, { kind: 'good' }],
    [
      'remembers that it may be spent by a refresh that is under way',
      { lease: { owner: 'other', until: NOW + 1, phase: 'called' } },
      { kind: 'failing', reason: 'outcome_unknown', unknownSince: NOW },
    ],
  ])('with a kept refresh token %s', async (_title, changes, condition) => {
    const before = connectionOf(3, { grant: earlier, ...changes });
    const decided = await storing(says('ada')).decide({ ...connected, connections: new Map([[GMAIL, before]]) });
    expect(recordIn(decided)).toMatchObject({ condition });
  });

  it('is another command when another account is allowed', () => {
    const same = command();
    const digest = (changes: Partial<StoreToken>) => storing(unregistered, { ...same, ...changes }).digest;
    expect(digest({ allowAccountChange: true })).not.toEqual(digest({}));
    expect(digest({})).toEqual(digest({}));
  });
});
