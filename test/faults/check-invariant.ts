import { expect } from 'vitest';
import type { TestVault } from '../flow/open-vault.ts';
import { differingStates } from './differing-states.ts';
import { type Checked, findBreaches, type Run } from './find-breaches.ts';

/**
 * Fails the test at the breaches that {@link findBreaches} finds, and where the state topic does not say of every user what
 * the store has; at the first 20 of them.
 */
export const checkInvariant = async (vault: TestVault, run: Run): Promise<Checked> => {
  const { breaches, checked } = await findBreaches(vault, run);
  expect([...breaches, ...(await differingStates(vault))].slice(0, 20)).toEqual([]);
  return checked;
};
