import { expect, test } from 'vitest';
import { limitLines } from './limit-lines.ts';

test('a key gets its lines of a second, and the next line says how many were left out', () => {
  let now = 0;
  const limit = limitLines(() => now, 2);
  expect([limit('sync'), limit('sync'), limit('sync'), limit('sync')]).toEqual([0, 0, null, null]);
  expect(limit('action')).toBe(0);
  now = 1_000;
  expect([limit('sync'), limit('sync'), limit('sync')]).toEqual([2, 0, null]);
});
