import { type BranchKeyStore, BrokenRow, type WrappedBranchKey } from '@vault-engine/vault';
import { refuseImpossibleBranchKey } from '../impossible-change.ts';
import type { Link } from './link.ts';
import { type Fields, integerText, parseInteger, present } from './parse-fields.ts';
import { asFields, runReplicated } from './run-script.ts';
import { ADD_BRANCH_KEY, READ_BRANCH_KEY } from './scripts.ts';

/**
 * The branch keys: a hash for each branch, with `active`, and `wrapped:<version>` and `created:<version>` for each version. With
 * `waitReplicas`, a key is returned only when enough replicas have it: data keys that depend on it must not outlive it.
 */
export const branchKeysOn = (open: () => Link): BranchKeyStore => {
  const read = async (branch: number, version: string): Promise<WrappedBranchKey | null> => {
    const link = open();
    const names = [link.keys.branch(integerText(branch))];
    const fields = asFields(await link.retry(() => runReplicated(link, READ_BRANCH_KEY, names, [version])));
    return fields.length === 0 ? null : parseBranchKey(branch, fields);
  };
  return {
    readBranchKey: async (branch, version) => read(branch, integerText(version)),
    activeBranchKey: async (branch) => read(branch, ''),
    addBranchKey: async (key) => {
      refuseImpossibleBranchKey(key);
      const { branch, version, wrapped, createdAt } = key;
      const link = open();
      const names = [link.keys.branch(integerText(branch))];
      const args = [integerText(version), integerText(createdAt), wrapped];
      return parseBranchKey(branch, asFields(await link.retry(() => runReplicated(link, ADD_BRANCH_KEY, names, args))));
    },
  };
};

const parseBranchKey = (branch: number, [version, createdAt, wrapped]: Fields): WrappedBranchKey => {
  const key = {
    branch,
    version: parseInteger('branch', version),
    wrapped: present('branch', wrapped),
    createdAt: parseInteger('branch', createdAt),
  };
  if (key.wrapped.length === 0) throw new BrokenRow('branch', 'wrapped is empty');
  return key;
};
