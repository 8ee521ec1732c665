import { type AuthorizationServer, openAuthorizationServer } from '@vault-engine/authorization-server';
import { reveal } from '@vault-engine/crypto/plaintext';
import { getToken } from '@vault-engine/vault';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callOf } from './connect.ts';
import { openRefreshes, type Refreshes } from './open-refreshes.ts';

let server: AuthorizationServer;
let refreshes: Refreshes;

beforeAll(async () => {
  server = await openAuthorizationServer({ lifetimes: { access: 60 } });
  refreshes = await openRefreshes({ profile: { ...server.profile, refresh: { min_interval_s: 0 } } });
});
afterAll(async () => {
  await refreshes.close();
  await server.close();
});

test('an expired token is refreshed on demand, and the new one is issued', async () => {
  const { vault, platform } = refreshes;
  const { refresh } = await server.consent('a');
  const user = await refreshes.connect({ refresh });
  const command = { user, platform, minValiditySeconds: null, rejectedVersion: null };
  const answer = await getToken(vault, callOf('GetToken'), command, {
    refresher: refreshes.refresher(),
    wait: () => 5_000,
  });
  if (!answer.ok) throw new Error(answer.failure.code);
  expect(await server.accepts(reveal(answer.value.access).toString())).toBe(true);
  expect(await refreshes.recordOf(user)).toMatchObject({ condition: { kind: 'good' }, lease: null });
  const own = refreshes.audited.filter((entry) => entry.userId === user);
  expect(own.map(({ action, result }) => `${action} ${result}`)).toEqual([
    'StoreToken ok',
    'RefreshToken started',
    'RefreshToken ok',
  ]);
  expect(refreshes.events.filter(({ userId }) => userId === user).map((event) => event.change)).toEqual([
    'CONNECTED',
    'RENEWED',
  ]);
});

test('200 callers of three processes at once cause one refresh of an expired token', async () => {
  const { vault, platform } = refreshes;
  const { refresh } = await server.consent('b');
  const user = await refreshes.connect({ refresh });
  const before = server.counts().refreshes.total;
  const refreshers = [refreshes.refresher(), refreshes.refresher(), refreshes.refresher()];
  const command = { user, platform, minValiditySeconds: null, rejectedVersion: null };
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      getToken(vault, callOf('GetToken'), command, {
        refresher: refreshers[at % 3] ?? refreshes.refresher(),
        wait: () => 10_000,
      }),
    ),
  );
  const tokens = new Set(
    answers.map((answer) => (answer.ok ? reveal(answer.value.access).toString() : answer.failure.code)),
  );
  expect(tokens.size).toBe(1);
  expect(await server.accepts([...tokens][0] ?? '')).toBe(true);
  expect(server.counts().refreshes.total - before).toBe(1);
});
