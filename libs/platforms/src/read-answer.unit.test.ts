import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { retryAfterMs } from './read-answer.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');

it.each([
  ['120', 120_000],
  [' 0 ', 0],
  ['Sun, 22 Nov 2026 12:05:00 GMT', 300_000],
  ['Sunday, 22-Nov-26 12:05:00 GMT', 300_000],
  ['Sun, 22 Nov 2020 12:05:00 GMT', 0],
  ['999999999', 86_400_000],
  ['Sun, 22 Nov 2099 12:05:00 GMT', 86_400_000],
])('Retry-After "%s" is read', (header, wait) => {
  expect(retryAfterMs(header, NOW)).toBe(wait);
});

it.each([null, '', 'soon', '-1', '1.5', '12345678901', 'NaN'])('Retry-After %s is ignored', (header) => {
  expect(retryAfterMs(header, NOW)).toBeNull();
});

it('the wait is at most a day, whatever Retry-After has', () => {
  fc.assert(
    fc.property(fc.string(), (header) => {
      const wait = retryAfterMs(header, NOW);
      return wait === null || (wait >= 0 && wait <= 86_400_000);
    }),
  );
});
