import { type AuthorizationServer, openAuthorizationServer } from '@vault-engine/authorization-server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';
import { runVaultCli } from './run-vault-cli.ts';

let server: AuthorizationServer;
let vault: TestVault;
beforeAll(async () => {
  server = await openAuthorizationServer();
  vault = await openVault({
    platforms: [{ id: 'new-platform', profile: server.profile, client: server.client }],
  });
});
afterAll(async () => {
  await vault.close();
  await server.close();
});

it('a platform is one file more: it is named to readers, and its tokens are handed out', async () => {
  const names = (await vault.read(vault.topics.platforms, 'PlatformEntry')).map(({ display_name: name }) => name);
  expect(names).toContain(server.profile.display_name);

  const action = await vault.client('action');
  const { access, refresh, expiresIn } = await server.consent('ada');
  const connection = { userId: 'u1', platform: 'new-platform' };
  await action.storeToken({
    ...connection,
    accessToken: access,
    refreshToken: refresh,
    expiresAt: new Date(Date.now() + expiresIn * 1_000),
    scopes: ['files'],
  });
  const issued = await action.getToken(connection);
  expect(await server.accepts(issued.accessToken)).toBe(true);
  const { platforms } = await action.getStatus({ userId: 'u1' });
  expect(platforms.filter(({ status }) => status === 'CONNECTED').map(({ platform }) => platform)).toEqual([
    'new-platform',
  ]);
});

it('the command line knows the platform too', async () => {
  expect(await runVaultCli(vault, ['platforms', 'apply'])).toMatchObject({
    code: 0,
    out: ['the published platform names are up to date'],
  });
});
