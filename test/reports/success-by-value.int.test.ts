import { misbehave } from '@vault-engine/authorization-server';
import { afterEach, expect, it } from 'vitest';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from '../refresh/open-provider-and-refreshes.ts';

// Some providers answer every request with status 200 and tell success by the value of a field.
// gitroomhq/postiz-app#1897, NangoHQ/nango#1673, NangoHQ/nango#2476.

let its: ProviderAndRefreshes;
afterEach(() => its.close());

const PROFILE = {
  response: {
    ok: { path: 'code', equals: [0, '0000'] },
    error_path: 'code',
    slots: { main: { root: 'data' } },
  },
  errors: { grant_dead: [40_105], transient: ['50001'], app_fault: [40_002] },
};

const open = async (): Promise<ProviderAndRefreshes> => {
  its = await openProviderAndRefreshes({ kind: 'revoking', profile: PROFILE });
  return its;
};
const success =
  (code: unknown): ReturnType<typeof misbehave.refresh> =>
  (response, right) =>
    misbehave.answer(200, { code, message: 'ok', data: right })(response, right);

it.each([0, '0', '0000'])('code %j is a success', async (code) => {
  const { provider, connect, ask, recordOf } = await open();
  const user = await connect({});
  provider.script(success(code), success(code));
  expect(await ask(user)).toMatchObject({ code: 'ok', access: 'access-1' });
  const { tokenVersion } = await recordOf(user);
  expect(await ask(user, { rejectedVersion: tokenVersion })).toMatchObject({ code: 'ok', access: 'access-2' });
  expect(provider.refreshTokens()).toEqual(['refresh-0', 'refresh-1']);
});

it.each([
  [40_105, 'refused_by_provider'],
  ['40105', 'refused_by_provider'],
  [50_001, 'provider_error'],
  [40_002, 'client_refused'],
  [99_999, 'unknown_error'],
])('code %j is an error with status 200: %s', async (code, reason) => {
  const { provider, connect, ask, auditOf } = await open();
  const user = await connect({});
  provider.otherwise(misbehave.answer(200, { code, message: 'no', data: {} }));
  expect(await ask(user)).not.toMatchObject({ code: 'ok' });
  expect(auditOf(user).at(-1)).toMatch(new RegExp(` ${reason}$`));
});

it('the code of an error is found in lists, objects and WWW-Authenticate', async () => {
  const dead = (body: unknown, headers = {}) => misbehave.answer(401, body, headers);
  for (const behaviour of [
    dead({ error: { code: 'gone' } }),
    dead({ errors: [{ code: 'other' }, { code: 'gone' }] }),
    dead({ error: ['gone'] }),
    dead(null, { 'www-authenticate': 'Bearer realm="x", error="gone"' }),
  ]) {
    its = await openProviderAndRefreshes({
      profile: { response: { error_path: ['error', 'errors'] }, errors: { grant_dead: ['gone'] } },
    });
    const user = await its.connect({});
    its.provider.otherwise(behaviour);
    await its.ask(user);
    expect(its.auditOf(user).at(-1)).toMatch(/ refused_by_provider$/);
    await its.close();
  }
  await open();
});
