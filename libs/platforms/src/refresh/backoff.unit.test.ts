import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoff } from './backoff.ts';

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it('waits half a minute to an hour, longer with each failure', () => {
  expect([1, 2, 3, 7, 8, 9].map((failures) => backoff(failures, null, () => 1) / 1_000)).toEqual([
    30, 60, 120, 1_920, 3_600, 3_600,
  ]);
});

it('stays between half of its ceiling and the ceiling, for any number of failures', () => {
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 1e9 }), fraction, (failures, random) => {
      const wait = backoff(failures, null, () => random);
      return Number.isSafeInteger(wait) && wait >= 15_000 && wait <= 3_600_000;
    }),
  );
});

it('never waits less than the provider asked for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(86_400_000), fraction, (failures, asked, random) => {
      return backoff(failures, asked, () => random) >= asked;
    }),
  );
});
