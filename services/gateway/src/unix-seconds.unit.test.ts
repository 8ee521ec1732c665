import fc from 'fast-check';
import { expect, test } from 'vitest';
import { secondsOf, timeOf } from './unix-seconds.ts';

test('a time that came in seconds goes out as the same seconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 253_402_300_799 }), (seconds) => {
      expect(secondsOf(timeOf(seconds))).toBe(seconds);
    }),
  );
});

test('a token is never said to live longer than it does', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      const seconds = secondsOf(new Date(ms));
      expect(seconds).not.toBeNull();
      expect(ms - 1_000 * (seconds ?? 0)).toBeGreaterThanOrEqual(0);
      expect(ms - 1_000 * (seconds ?? 0)).toBeLessThan(1_000);
    }),
  );
});

test('what nobody said stays unsaid', () => {
  expect([timeOf(null), timeOf(undefined), secondsOf(null)]).toEqual([null, null, null]);
});
