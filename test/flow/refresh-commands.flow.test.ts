import {
  type MisbehavingProvider,
  misbehave,
  openMisbehavingProvider,
  profileAt,
} from '@vault-engine/authorization-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';
import { runVaultCli } from './run-vault-cli.ts';

const PLATFORM = 'operated';
const USER = 'u1';

let provider: MisbehavingProvider;
let vault: TestVault;

beforeAll(async () => {
  provider = await openMisbehavingProvider();
  const { display_name } = profileAt(provider.url, 'Operated');
  const profile = { display_name, token: { url: provider.tokenUrl } };
  vault = await openVault({
    services: ['command-worker', 'refresh-scheduler'],
    platforms: [{ id: PLATFORM, profile, client: { id: 'vault', secret: 'secret' } }],
  });
  const engine = await vault.client('action');
  await engine.storeToken({
    userId: USER,
    platform: PLATFORM,
    accessToken: 'access-0',
    refreshToken: 'refresh-0',
    expiresAt: new Date(Date.now() + 3_600_000),
    scopes: [],
  });
});
afterAll(async () => {
  await vault?.close();
  await provider?.close();
});

const refresh = (...words: readonly string[]) => runVaultCli(vault, ['refresh', ...words]);

test('due lists what comes next, and why says what the vault would do', async () => {
  const due = await refresh('due', '--json');
  expect(JSON.parse(due.out.join(''))).toMatchObject([{ user: USER, platform: PLATFORM }]);
  const why = await refresh('why', USER, PLATFORM);
  expect(why.code).toBe(0);
  expect(why.out.join('\n')).toMatch(/status +CONNECTED, suggests NONE[\s\S]*now +would be refreshed on demand/);
});

test('run has a scheduler refresh a connection now, past the rest after a failure, and says what came of it', async () => {
  provider.script(misbehave.serverError());
  expect(await refresh('run', USER, PLATFORM)).toMatchObject({ code: 1, err: [expect.stringMatching(/failed/)] });
  expect((await refresh('why', USER, PLATFORM)).out.join('\n')).toMatch(
    /last refresh failed; refresh run ignores this backoff/,
  );
  expect(await refresh('run', USER, PLATFORM)).toMatchObject({ code: 0, out: ['refreshed'] });
  expect(provider.refreshTokens()).toEqual(['refresh-0', 'refresh-0']);
  const audited = await vault.read(vault.topics.auditLog, 'AuditRecord');
  const runs = audited.filter(({ action }) => action === 'refresh.run').toSorted((a, b) => a.time - b.time);
  expect(runs.map(({ result, reason }) => [result, reason])).toEqual([
    ['started', null],
    ['ok', 'failed'],
    ['started', null],
    ['ok', 'renewed'],
  ]);
  for (const { user_id, platform, engine } of runs)
    expect([user_id, platform, engine]).toEqual([USER, PLATFORM, expect.stringMatching(/^cli:claimed:/)]);
});

test('a connection that is not there, and a name that is none, are told apart', async () => {
  expect(await refresh('run', 'nobody', PLATFORM)).toMatchObject({
    code: 1,
    err: [expect.stringMatching(/no connection/)],
  });
  expect(await refresh('why', USER, 'Not A Platform')).toMatchObject({ code: 2 });
  expect(await refresh('why', USER, 'gmial')).toMatchObject({
    code: 2,
    err: ['unknown platform; did you mean gmail?'],
  });
});
