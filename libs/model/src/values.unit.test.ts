import { expect, test } from 'vitest';
import { isExactInteger, LARGEST_INTEGER } from './values.ts';

test.each([0, 1, -1, LARGEST_INTEGER, -LARGEST_INTEGER])('%d is an exact integer', (value) => {
  expect(isExactInteger(value)).toBe(true);
});

test.each([LARGEST_INTEGER + 1, -LARGEST_INTEGER - 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null])(
  '%s is no exact integer',
  (value) => {
    expect(isExactInteger(value)).toBe(false);
  },
);

test('twice the largest integer is exact, as the zigzag form of Avro needs', () => {
  expect(Number.isSafeInteger(2 * LARGEST_INTEGER)).toBe(true);
  expect(Number.isSafeInteger(2 * (LARGEST_INTEGER + 1))).toBe(false);
});
