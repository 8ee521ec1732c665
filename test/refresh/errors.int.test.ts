import { misbehave } from '@vault-engine/authorization-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callOf } from './connect.ts';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from './open-provider-and-refreshes.ts';

const HOUR_MS = 3_600_000;

let it: ProviderAndRefreshes;
beforeAll(async () => {
  it = await openProviderAndRefreshes();
});
afterAll(() => it.close());

/** Lets the time pass until a connection may be refreshed again. */
const restUntilRetry = async (user: Parameters<ProviderAndRefreshes['recordOf']>[0]) => {
  const { condition } = await it.recordOf(user);
  if (condition.kind === 'failing') it.pass(condition.retryAt - it.vault.now() + 1);
};

describe('14: status 200 is no success', () => {
  test('without an access token', async () => {
    const user = await it.connect({});
    it.provider.script(misbehave.refresh({ access_token: undefined }));
    expect(await it.ask(user)).toMatchObject({ code: 'provider_unavailable' });
    expect((await it.recordOf(user)).condition).toMatchObject({ kind: 'failing' });
  });

  test('with an error in it', async () => {
    const user = await it.connect({});
    it.provider.script(misbehave.errorWithStatus200('server_is_tired'));
    expect(await it.ask(user)).toMatchObject({ code: 'provider_misconfigured' });
  });

  test('where the profile has a field that says so, whatever tokens are beside it', async () => {
    const chat = await openProviderAndRefreshes({ profile: { response: { ok_path: 'ok' } } });
    const user = await chat.connect({});
    chat.provider.script(misbehave.refresh({ ok: false }), misbehave.refresh({ ok: true }));
    expect(await chat.ask(user)).toMatchObject({ code: 'provider_misconfigured' });
    chat.pass(HOUR_MS);
    expect(await chat.ask(user)).toMatchObject({ code: 'ok' });
    await chat.close();
  });
});

test('15: a refusal of this vault’s own registration leaves every connection alive, and all go on once it is mended', async () => {
  const users = await Promise.all(Array.from({ length: 5 }, () => it.connect({})));
  it.provider.otherwise(misbehave.invalidClient());
  for (let round = 0; round < 4; round += 1) {
    const answers = await Promise.all(users.map((user) => it.ask(user)));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['provider_misconfigured']));
    it.pass(HOUR_MS);
  }
  it.provider.otherwise(misbehave.refresh());
  const answers = await Promise.all(users.map((user) => it.ask(user)));
  expect(answers.map(({ code }) => code)).toEqual(users.map(() => 'ok'));
});

test('16: no number of failures that are not the grant’s makes a connection dead', async () => {
  const user = await it.connect({});
  const failures = [misbehave.serverError(), misbehave.throttle(1), misbehave.cut(), misbehave.invalidClient()];
  for (let round = 0; round < 40; round += 1) {
    it.provider.script(failures[round % failures.length] ?? misbehave.hang());
    await it.ask(user);
    await restUntilRetry(user);
  }
  expect((await it.recordOf(user)).condition).toMatchObject({ kind: 'failing', failures: 40 });
  expect(await it.ask(user)).toMatchObject({ code: 'ok' });
});

test('16: a lease that is not obtained counts as no failure', async () => {
  const user = await it.connect({});
  const { tokenVersion } = await it.recordOf(user);
  const of = { user, platform: it.platform, owner: 'another process' };
  await it.store.claim({ ...of, tokenVersion, ttlMs: 60_000 });
  for (let round = 0; round < 3; round += 1) await it.ask(user, { waitMs: 20 });
  expect((await it.recordOf(user)).condition).toEqual({ kind: 'good' });
  expect(it.changesOf(user)).toEqual(['CONNECTED']);
  await it.store.release(of);
  expect(await it.ask(user)).toMatchObject({ code: 'ok' });
});

test('17: after a failure no process asks until its cool-down is over, and a forced refresh passes it', async () => {
  const user = await it.connect({ refresh: 'cool' });
  it.provider.script(misbehave.serverError());
  await it.ask(user);
  const others = await Promise.all([1, 2, 3].map(() => it.ask(user, { refresher: it.refresher() })));
  expect(new Set(others.map(({ code }) => code))).toEqual(new Set(['refresh_cooling_down']));
  expect(others[0]).toMatchObject({ reason: 'outcome_unknown', retryAfterMs: expect.any(Number) });
  expect(it.sent('cool')).toBe(1);
  const { tokenVersion } = await it.recordOf(user);
  const { requestId, engine, keyId } = callOf('RefreshNow');
  const request = { user, platform: it.platform, tokenVersion, forced: true };
  const actor = { requestId, engine, keyId, eventEngine: engine };
  expect(await it.refresher().refresh({ ...request, actor }, 5_000)).toMatchObject({ kind: 'renewed' });
  expect(it.sent('cool')).toBe(2);
});

test('18: a token that is valid yet is served with a warning while its refresh fails', async () => {
  const user = await it.connect({ expiresInMs: 30_000, access: 'still valid' });
  it.provider.script(misbehave.serverError());
  const served = { code: 'ok', access: 'still valid', warning: 'outcome_unknown' };
  expect(await it.ask(user, { minValiditySeconds: 120 })).toMatchObject(served);
  expect(await it.ask(user, { minValiditySeconds: 120 })).toMatchObject(served);
  expect(it.changesOf(user)).toEqual(['CONNECTED', 'FAILING']);
  it.pass(30_000);
  expect(await it.ask(user)).not.toMatchObject({ access: 'still valid' });
});
