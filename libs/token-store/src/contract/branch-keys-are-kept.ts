import { randomBytes } from 'node:crypto';
import type { BranchKeyStore, WrappedBranchKey } from '@vault-engine/vault';
import { describe, expect, test } from 'vitest';

/** The guarantees of `BranchKeyStore`. */
export const branchKeysAreKept = (store: () => BranchKeyStore): void => {
  let lastBranch = 0;
  /** A key of a branch of its own. */
  const newBranchKey = (fields: Partial<WrappedBranchKey> = {}): WrappedBranchKey => {
    lastBranch += 1;
    return { branch: lastBranch, version: 1, wrapped: randomBytes(184), createdAt: 1_700_000_000_000, ...fields };
  };

  describe('branch keys', () => {
    test('of an unknown branch or version are none', async () => {
      const { branch } = newBranchKey();
      expect([await store().activeBranchKey(branch), await store().readBranchKey(branch, 1)]).toEqual([null, null]);
    });

    test('are read as stored, and the first is active', async () => {
      const key = newBranchKey();
      expect(await store().addBranchKey(key)).toEqual(key);
      expect([await store().readBranchKey(key.branch, 1), await store().activeBranchKey(key.branch)]).toEqual([
        key,
        key,
      ]);
      expect(await store().readBranchKey(key.branch, 2)).toBeNull();
    });

    test('of a higher version become active, and earlier versions are kept', async () => {
      const first = newBranchKey();
      const tenth = newBranchKey({ branch: first.branch, version: 10 });
      const second = newBranchKey({ branch: first.branch, version: 2 });
      for (const key of [first, tenth, second]) await store().addBranchKey(key);
      expect(await store().activeBranchKey(first.branch)).toEqual(tenth);
      for (const key of [first, tenth, second])
        expect(await store().readBranchKey(key.branch, key.version)).toEqual(key);
    });

    test('of several processes that add the same version, all get the one that is stored', async () => {
      const first = newBranchKey();
      const candidates = Array.from({ length: 10 }, () => ({ ...first, wrapped: randomBytes(184) }));
      const stored = await Promise.all(candidates.map((key) => store().addBranchKey(key)));
      const kept = await store().readBranchKey(first.branch, 1);
      expect(new Set(stored.map(({ wrapped }) => wrapped.toString('hex')))).toEqual(
        new Set([kept?.wrapped.toString('hex')]),
      );
    });

    test.each([
      ['version 0', { version: 0 }],
      ['a negative branch', { branch: -1 }],
      ['a fractional branch', { branch: 0.5 }],
      ['no bytes', { wrapped: Buffer.alloc(0) }],
    ])('with %s throw a RangeError', async (_, fields) => {
      await expect(store().addBranchKey(newBranchKey(fields))).rejects.toThrow(RangeError);
    });
  });
};
