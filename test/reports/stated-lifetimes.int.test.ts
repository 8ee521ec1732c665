import { misbehave } from '@vault-engine/authorization-server';
import { afterEach, describe, expect, it } from 'vitest';
import {
  openProviderAndRefreshes,
  type ProviderAndRefreshes,
  type ProviderOptions,
} from '../refresh/open-provider-and-refreshes.ts';

// Providers state lifetimes as seconds, dates or not at all. TryGhost/Ghost#7547, link-it/govway#70, danny-avila/LibreChat#13248.

let its: ProviderAndRefreshes;
afterEach(() => its.close());

const HOUR_S = 3_600;

/** Seconds from now until the vault believes the token of such an answer to expire; null: never. */
const lifetimeOf = async (
  changes: (nowS: number) => Readonly<Record<string, unknown>>,
  profile: ProviderOptions['profile'] = {},
): Promise<number | null> => {
  its = await openProviderAndRefreshes({ profile });
  const user = await its.connect({});
  const nowS = Math.floor(its.vault.now() / 1_000);
  its.provider.script(misbehave.refresh(changes(nowS)));
  expect(await its.ask(user)).toMatchObject({ code: 'ok' });
  const { expiresAt } = (await its.recordOf(user)).metadata;
  return expiresAt === null ? null : Math.round(expiresAt / 1_000 - nowS);
};

const about = (seconds: number) => expect.toSatisfy((found: number) => Math.abs(found - seconds) <= 3);
const iso = (seconds: number) => new Date(seconds * 1_000).toISOString();

describe('`expires_in` is understood', () => {
  it.each<[string, (nowS: number) => unknown]>([
    ['as seconds', () => HOUR_S],
    ['as text', () => '3600'],
    ['as a number with an exponent', () => '3.6e3'],
    ['as Unix seconds', (nowS) => nowS + HOUR_S],
    ['as Unix milliseconds', (nowS) => (nowS + HOUR_S) * 1_000],
    ['as ISO 8601', (nowS) => iso(nowS + HOUR_S)],
    ['as a date of RFC 1123', (nowS) => new Date((nowS + HOUR_S) * 1_000).toUTCString()],
  ])('%s, also where the profile says that tokens without a lifetime never expire', async (_name, value) => {
    expect(await lifetimeOf((nowS) => ({ expires_in: value(nowS) }))).toEqual(about(HOUR_S));
  });

  it.each([0, '0', -1, null, 'never', '9223372036854775', 1e13])('as nothing where it is %j', async (value) => {
    expect(await lifetimeOf(() => ({ expires_in: value }))).toBeNull();
    await its.close();
    const access = { none_means: 'use_default', default_ttl_s: 7_200 } as const;
    expect(await lifetimeOf(() => ({ expires_in: value }), { access })).toEqual(about(7_200));
  });

  it('as an hour where it is a time in the past: a provider that states a time has tokens that expire', async () => {
    expect(await lifetimeOf(() => ({ expires_in: 1_577_836_800 }))).toEqual(about(HOUR_S));
  });
});

it('`expires_at` is read where the profile names it', async () => {
  const profile = { response: { slots: { main: { expires_in: null, expires_at: 'expires_at' } } } };
  expect(await lifetimeOf((nowS) => ({ expires_at: iso(nowS + HOUR_S) }), profile)).toEqual(about(HOUR_S));
});

describe('`exp` of a JWT', () => {
  const jwt = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
  const withExp =
    (exp: (nowS: number) => unknown, stated: unknown = undefined) =>
    (nowS: number) => ({
      access_token: jwt({ exp: exp(nowS) }),
      expires_in: stated,
    });
  const DEFAULT = { access: { none_means: 'use_default', default_ttl_s: HOUR_S } } as const;

  it('is the expiry where the answer has none', async () => {
    expect(await lifetimeOf(withExp((nowS) => nowS + 600))).toEqual(about(600));
  });

  it('shortens the default and a stated lifetime', async () => {
    expect(
      await lifetimeOf(
        withExp((nowS) => nowS + 600),
        DEFAULT,
      ),
    ).toEqual(about(600));
    await its.close();
    expect(await lifetimeOf(withExp((nowS) => nowS + 600, HOUR_S))).toEqual(about(600));
  });

  it.each<[string, (nowS: number) => unknown]>([
    ['later', (nowS) => nowS + 30 * 86_400],
    ['text', (nowS) => String(nowS + 600)],
    ['milliseconds', (nowS) => (nowS + 600) * 1_000],
    ['absent', () => undefined],
  ])('changes nothing where it is %s', async (_name, exp) => {
    expect(await lifetimeOf(withExp(exp), DEFAULT)).toEqual(about(HOUR_S));
  });
});

it('`refresh_expires_in: 0` ends an earlier end: the refresh token does not expire', async () => {
  its = await openProviderAndRefreshes({
    kind: 'never',
    profile: { response: { slots: { main: { refresh_expires_in: 'refresh_expires_in' } } } },
  });
  const user = await its.connect({ refreshExpiresInMs: 60_000 });
  its.provider.otherwise(misbehave.refresh({ refresh_token: undefined, refresh_expires_in: 0, expires_in: 30 }));
  expect(await its.ask(user)).toMatchObject({ code: 'ok' });
  expect((await its.recordOf(user)).metadata.refreshExpiresAt).toBeNull();
  its.pass(61_000);
  expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'access-2' });
});
