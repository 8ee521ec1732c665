import type { TokenStore } from '@vault-engine/vault';
import { describe, expect, test, vi } from 'vitest';

const LONG_MS = 60_000;

/** The guarantees of `holdDrainLease`. */
export const oneProcessDrains = (store: () => TokenStore, openAnother: () => Promise<TokenStore>): void => {
  const withAnother = async (use: (another: TokenStore) => Promise<void>): Promise<void> => {
    const another = await openAnother();
    try {
      await use(another);
    } finally {
      await another.close();
    }
  };

  describe('the drain lease', () => {
    test('belongs to one process, which extends it', () =>
      withAnother(async (another) => {
        expect([await another.holdDrainLease(LONG_MS), await another.holdDrainLease(LONG_MS)]).toEqual([true, true]);
        expect(await store().holdDrainLease(LONG_MS)).toBe(false);
      }));

    test('is released when its process closes the store', async () => {
      await withAnother(async (another) => void (await another.holdDrainLease(LONG_MS)));
      await withAnother(async (another) => expect(await another.holdDrainLease(LONG_MS)).toBe(true));
    });

    test('is not released by a process that does not have it', () =>
      withAnother(async (holder) => {
        await holder.holdDrainLease(LONG_MS);
        await withAnother(async (other) => expect(await other.holdDrainLease(LONG_MS)).toBe(false));
        expect(await store().holdDrainLease(LONG_MS)).toBe(false);
      }));

    test('passes to another process when it has expired', () =>
      withAnother(async (crashed) => {
        await crashed.holdDrainLease(20);
        await withAnother(async (next) => {
          await vi.waitFor(async () => expect(await next.holdDrainLease(LONG_MS)).toBe(true), { interval: 5 });
          expect(await crashed.holdDrainLease(LONG_MS)).toBe(false);
        });
      }));

    test('goes to one of several processes that claim it at once', async () => {
      const others = await Promise.all(Array.from({ length: 5 }, openAnother));
      const claimed = await Promise.all(others.map((other) => other.holdDrainLease(LONG_MS)));
      expect(claimed.filter((mine) => mine)).toHaveLength(1);
      await Promise.all(others.map((other) => other.close()));
    });

    test.each([0, 1.5])('for %d milliseconds throws a RangeError', async (ttlMs) => {
      await expect(store().holdDrainLease(ttlMs)).rejects.toThrow(RangeError);
    });
  });
};
