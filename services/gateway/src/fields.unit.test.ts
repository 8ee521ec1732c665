import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestLabel, secondsOf, timeOf } from './fields.ts';

test('a time in seconds is answered as the same seconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 253_402_300_799 }), (seconds) => {
      expect(secondsOf(timeOf(seconds))).toBe(seconds);
    }),
  );
});

test('no token is stated to live longer than it does', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      const seconds = secondsOf(new Date(ms));
      expect(seconds).not.toBeNull();
      expect(ms - 1_000 * (seconds ?? 0)).toBeGreaterThanOrEqual(0);
      expect(ms - 1_000 * (seconds ?? 0)).toBeLessThan(1_000);
    }),
  );
});

test('an unknown time stays null', () => {
  expect([timeOf(null), timeOf(undefined), secondsOf(null)]).toEqual([null, null, null]);
});

test.each(['a', 'req-1', '0af76519-16cd', 'a/b:c@d+e=f.g_h', 'x'.repeat(128)])('%s is echoed', (text) => {
  expect(requestLabel(text)).toBe(text);
});

test.each(['', 'a b', 'a"b', 'é', 'x'.repeat(129), '<script>', 'a, b'])('%s is not echoed', (text) => {
  expect(requestLabel(text)).toBeNull();
});

test('nothing that could break a header or a log line is echoed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(requestLabel(text) ?? '').toMatch(/^[\x21-\x7e]*$/);
    }),
  );
});
