import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type KmsVault, openKmsVault } from './open-kms-vault.ts';

// A KMS alias is moved to another key without re-wrapping what the first key has wrapped.

/** Starts of workers, each with a broker's session to be waited for. */
const LONG = { timeout: 240_000 };

let vault: KmsVault;
const users = Array.from({ length: 12 }, (_, number) => `user-${number}`);

beforeAll(async () => {
  vault = await openKmsVault();
});

afterAll(() => vault.close(), 120_000);

const store = (userId: string) =>
  vault.client.storeToken({ userId, platform: 'gmail', accessToken: `access-of-${userId}`, scopes: ['email'] });
const tokensOf = async (of: readonly string[]) =>
  Promise.all(of.map(async (userId) => (await vault.client.getToken({ userId, platform: 'gmail' })).accessToken));
const expected = (of: readonly string[]) => of.map((userId) => `access-of-${userId}`);

test(
  'a running worker goes on; one that starts then waits, unready, and is ready once the alias is back',
  LONG,
  async () => {
    const [first, second] = vault.keyIds;
    await (await vault.startWorker('first')).ready;
    await Promise.all(users.map(store));
    expect(await tokensOf(users)).toEqual(expected(users));

    await vault.moveAlias(second);
    await store('stored-after-the-move');
    expect(await tokensOf([...users, 'stored-after-the-move'])).toEqual(expected([...users, 'stored-after-the-move']));

    const starting = await vault.startWorker('second');
    await vi.waitFor(
      async () => {
        const { ok, parts } = await starting.readiness();
        // The test's KMS calls a ciphertext of another key a lack of permission.
        expect([ok, parts['engines']]).toEqual([
          false,
          { state: 'waiting', reason: 'PortUnavailable key_not_permitted' },
        ]);
      },
      { timeout: 120_000, interval: 200 },
    );
    // The second worker takes no partition while it can't open the engines' entries: every command is answered.
    expect(await tokensOf(users)).toEqual(expected(users));

    await vault.moveAlias(first);
    await starting.ready;
    expect(await tokensOf(users)).toEqual(expected(users));
    await (await starting.ready).stop();
  },
);

test('with the first key as a former key, a whole new fleet serves every user and stores new ones', LONG, async () => {
  const [first, second] = vault.keyIds;
  await vault.moveAlias(second);
  const third = await vault.startWorker('third', { VAULT_KMS_FORMER_KEY_IDS: first });
  await third.ready;
  await vault.stopWorker('first');
  expect(await tokensOf(users)).toEqual(expected(users));
  await store('stored-by-the-new-fleet');
  expect(await tokensOf(['stored-by-the-new-fleet'])).toEqual(expected(['stored-by-the-new-fleet']));
  await Promise.all(users.map(store));
  expect(await tokensOf(users)).toEqual(expected(users));
});
