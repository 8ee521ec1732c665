import { type AuthorizationServer, openAuthorizationServer } from '@vault-engine/authorization-server';
import { reveal } from '@vault-engine/crypto/plaintext';
import { getToken } from '@vault-engine/vault';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callOf } from './connect.ts';
import { openRenewals, type Renewals } from './open-renewals.ts';

let server: AuthorizationServer;
let renewals: Renewals;

beforeAll(async () => {
  server = await openAuthorizationServer({ lifetimes: { access: 60 } });
  renewals = await openRenewals({ profile: { ...server.profile, refresh: { min_interval_s: 0 } } });
});
afterAll(async () => {
  await renewals.close();
  await server.close();
});

test('a token that has lapsed is renewed when it is asked for, and the renewed one is handed out', async () => {
  const { vault, platform } = renewals;
  const { refresh } = await server.consent('a');
  const user = await renewals.connect({ refresh });
  const command = { user, platform, minValiditySeconds: null, rejectedVersion: null };
  const answer = await getToken(vault, callOf('GetToken'), command, { renewer: renewals.renewer(), wait: () => 5_000 });
  if (!answer.ok) throw new Error(answer.failure.code);
  expect(await server.accepts(reveal(answer.value.access).toString())).toBe(true);
  expect(await renewals.recordOf(user)).toMatchObject({ condition: { kind: 'good' }, lease: null });
  const own = renewals.audited.filter((entry) => entry.userId === user);
  expect(own.map(({ action, result }) => `${action} ${result}`)).toEqual([
    'StoreToken ok',
    'RefreshToken started',
    'RefreshToken ok',
  ]);
  expect(renewals.events.filter(({ userId }) => userId === user).map((event) => event.change)).toEqual([
    'CONNECTED',
    'RENEWED',
  ]);
});

test('200 who ask three processes at once for a lapsed token cost one call', async () => {
  const { vault, platform } = renewals;
  const { refresh } = await server.consent('b');
  const user = await renewals.connect({ refresh });
  const before = server.counts().refreshes.total;
  const renewers = [renewals.renewer(), renewals.renewer(), renewals.renewer()];
  const command = { user, platform, minValiditySeconds: null, rejectedVersion: null };
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      getToken(vault, callOf('GetToken'), command, {
        renewer: renewers[at % 3] ?? renewals.renewer(),
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
