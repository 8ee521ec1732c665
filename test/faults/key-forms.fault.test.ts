import { branchOf } from '@vault-engine/crypto';
import { type UserId, userId } from '@vault-engine/vault';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type KmsVault, openKmsVault } from '../reports/open-kms-vault.ts';

// A rolling upgrade: some workers wrap data keys by KMS itself, as releases before the branch keys did, others under branch keys.

const BEFORE = { VAULT_BRANCH_KEYS: '0' };
const LONG = { timeout: 240_000 };

let vault: KmsVault;
const users = Array.from({ length: 30 }, (_, number) => userId(`user-${number}`) ?? expect.fail('not a user id'));

beforeAll(async () => {
  vault = await openKmsVault();
});

afterAll(() => vault.close(), 120_000);

const store = (user: UserId, token: string) =>
  vault.client.storeToken({ userId: user, platform: 'gmail', accessToken: `${token}-of-${user}`, scopes: ['email'] });
const expectTokens = async (token: string) => {
  for (const user of users) {
    const { accessToken } = await vault.client.getToken({ userId: user, platform: 'gmail' });
    expect(accessToken).toBe(`${token}-of-${user}`);
  }
};
/** How many users' data keys are wrapped under a branch key. */
const underBranches = async (): Promise<number> => {
  const wrapped = await Promise.all(users.map(vault.wrappedKeyOf));
  return wrapped.filter((key) => branchOf(key) !== null).length;
};

test('both forms are read by every worker, side by side and in both directions', LONG, async () => {
  await (await vault.startWorker('before', BEFORE)).ready;
  for (const user of users) await store(user, 'first');
  expect(await underBranches()).toBe(0);

  await (await vault.startWorker('after')).ready;
  await expectTokens('first');
  await vault.stopWorker('before');
  await expectTokens('first');
  expect(await underBranches()).toBe(0);
  for (const user of users.slice(0, 20)) await store(user, 'second');
  expect(await underBranches()).toBe(20);
  for (const user of users.slice(20)) await store(user, 'second');
  expect(await underBranches()).toBe(users.length);

  await (await vault.startWorker('before-again', BEFORE)).ready;
  await expectTokens('second');
  await vault.stopWorker('after');
  for (const user of users) await store(user, 'third');
  await expectTokens('third');
});
