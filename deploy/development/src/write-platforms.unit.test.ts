import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCatalog } from '@vault-engine/platforms';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeDemoPlatform } from './demo-platform.ts';
import { writePlatforms } from './write-platforms.ts';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'vault-engine-platforms-'));
});
afterEach(() => rm(stateDir, { recursive: true }));

it('without platforms there is no folder and no variable', async () => {
  expect(await writePlatforms(stateDir, [])).toEqual({ profileFolders: [], clients: {} });
});

it('a written profile can be loaded, and its client secret is readable by its owner only', async () => {
  const profile = { display_name: 'New', token: { url: 'https://new.example/token' } };
  const { profileFolders, clients } = await writePlatforms(stateDir, [
    { id: 'new-platform', profile, client: { id: 'us', secret: 'client secret' } },
    { id: 'without-client', profile, client: null },
  ]);
  const catalog = await openCatalog(profileFolders);
  expect(catalog.all().map(({ id, displayName }) => [id, displayName])).toEqual([
    ['new-platform', 'New'],
    ['without-client', 'New'],
  ]);
  const file = clients['VAULT_CLIENT_SECRET_NEW_PLATFORM_FILE'] ?? '';
  expect(clients).toEqual({
    VAULT_CLIENT_ID_NEW_PLATFORM: 'us',
    VAULT_CLIENT_SECRET_NEW_PLATFORM_FILE: file,
  });
  expect(await readFile(file, 'utf8')).toBe('client secret');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

it('the demo platform keeps its client secret from start to start', async () => {
  const secretOf = async () => {
    const { clients } = await writeDemoPlatform(stateDir, 8_700);
    return readFile(clients['VAULT_CLIENT_SECRET_DEMO_FILE'] ?? '', 'utf8');
  };
  const first = await secretOf();
  expect(first.length).toBeGreaterThan(40);
  expect(await secretOf()).toBe(first);
});
