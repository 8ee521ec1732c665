import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type KmsVault, openKmsVault } from '../reports/open-kms-vault.ts';

// KMS does not respond. One branch key protects the data keys of all users of this vault.

const ONE_BRANCH = { VAULT_BRANCH_KEYS: '1' };
/** Starts of workers, each with a broker's session to be waited for. */
const LONG = { timeout: 240_000 };

let vault: KmsVault;
const users = Array.from({ length: 50 }, (_, number) => `user-${number}`);

beforeAll(async () => {
  vault = await openKmsVault();
});

afterAll(() => vault.close(), 120_000);

const store = (userId: string) =>
  vault.client.storeToken({ userId, platform: 'gmail', accessToken: `access-of-${userId}`, scopes: ['email'] });
const tokenOf = async (userId: string) => (await vault.client.getToken({ userId, platform: 'gmail' })).accessToken;

test('a worker with its branch keys serves users that it never served, and stores new ones', LONG, async () => {
  await (await vault.startWorker('first', ONE_BRANCH)).ready;
  await Promise.all(users.map(store));
  await vault.stopWorker('first');

  await (await vault.startWorker('second', ONE_BRANCH)).ready;
  expect(await tokenOf('user-0')).toBe('access-of-user-0');
  const before = vault.kmsRequests();
  const outage = vault.loseKms();
  for (const userId of users) expect(await tokenOf(userId)).toBe(`access-of-${userId}`);
  await store('stored-meanwhile');
  expect(await tokenOf('stored-meanwhile')).toBe('access-of-stored-meanwhile');
  expect(vault.kmsRequests()).toBe(before);
  outage.back();
});

test('a worker that starts meanwhile is not ready and says why, and is ready when KMS is back', LONG, async () => {
  const outage = vault.loseKms();
  const starting = await vault.startWorker('third', ONE_BRANCH);
  await vi.waitFor(
    async () => {
      const { ok, parts } = await starting.readiness();
      expect([ok, parts['engines']]).toEqual([
        false,
        { state: 'waiting', reason: expect.stringContaining('PortUnavailable') },
      ]);
    },
    { timeout: 120_000, interval: 200 },
  );
  for (const userId of users) expect(await tokenOf(userId)).toBe(`access-of-${userId}`);
  outage.back();
  await starting.ready;
  for (const userId of users) expect(await tokenOf(userId)).toBe(`access-of-${userId}`);
});
