import { readFile } from 'node:fs/promises';
import type { VaultClient } from '@vault-engine/client';
import { type RunningVault, runVault, syncEnginePlan } from '@vault-engine/development';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';

let vault: TestVault;
let engine: VaultClient;
let example: RunningVault;
const crashes: string[] = [];

beforeAll(async () => {
  vault = await openVault({ services: ['command-worker', 'status-projector', 'refresh-scheduler'] });
  engine = await vault.client('action');
  await connect('before', 'notion', null);
  await engine.revokeToken({ userId: 'before', platform: 'notion' });
  const { place, logDir } = vault;
  const plans = [syncEnginePlan(place)];
  example = await runVault({ place, plans, logDir, log: () => undefined, onCrash: (what) => crashes.push(what) });
});
afterAll(async () => {
  await example?.stop();
  await vault?.close();
  expect(crashes).toEqual([]);
});

const connect = (userId: string, platform: string, expiresAt: number | null) =>
  engine.storeToken({ userId, platform, accessToken: 'a', expiresAt, scopes: [] });

/** What the example has printed, its own log lines left out. */
const prompts = async (): Promise<readonly string[]> => {
  const { logFile } = example.services.get('example-sync-engine') ?? expect.fail('the example does not run');
  return (await readFile(logFile, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('{'));
};

it('an engine that follows the states knows whom to ask for what, also where time alone has changed it', async () => {
  await connect('well', 'gmail', null);
  await connect('lapsing', 'notion', Date.now() + 1_500);
  await engine.startConnection({ userId: 'begun', platform: 'slack' });
  await vi.waitFor(
    async () =>
      expect([...(await prompts())].sort()).toEqual([
        'before: connect a platform; none is connected',
        'begun: finish connecting Slack',
        'lapsing: reconnect Notion; it has expired',
      ]),
    { timeout: 20_000, interval: 200 },
  );
});
