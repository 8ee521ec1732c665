import type { TokenStore } from '@vault-engine/vault';
import { describe, expect, test } from 'vitest';

/** The guarantees of `notePartitions`. */
export const partitionCountsAreDated = (store: () => TokenStore): void => {
  describe('partition counts', () => {
    test('each count keeps the time at which it was noted first', async () => {
      expect(await store().notePartitions(4, 1_000)).toEqual(new Map([[4, 1_000]]));
      expect(await store().notePartitions(4, 2_000)).toEqual(new Map([[4, 1_000]]));
      const grown = new Map([
        [4, 1_000],
        [8, 3_000],
      ]);
      expect(await store().notePartitions(8, 3_000)).toEqual(grown);
      expect(await store().notePartitions(8, 4_000)).toEqual(grown);
    });

    test('a count that is larger than the current one is forgotten, as after the topic was recreated', async () => {
      await store().notePartitions(8, 5_000);
      await store().notePartitions(2, 6_000);
      expect(await store().notePartitions(8, 7_000)).toEqual(
        new Map([
          [2, 6_000],
          [8, 7_000],
        ]),
      );
    });
  });
};
