import { expect } from 'vitest';
import type { TestVault } from '../flow/open-vault.ts';
import { runVaultCli } from '../flow/run-vault-cli.ts';

/** Fails the test where `vault state diff` names users: each has the grace that the command gives to what is on its way. */
export const expectTopicShowsStore = async (vault: TestVault): Promise<void> => {
  const { code, out, err } = await runVaultCli(vault, ['state', 'diff']);
  expect({ code, out, err: code === 0 ? [] : err }).toEqual({
    code: 0,
    out: ['the topic shows what the store has'],
    err: [],
  });
};
