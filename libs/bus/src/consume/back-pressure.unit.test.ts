import { describe, expect, it } from 'vitest';
import { isOverloaded } from './back-pressure.ts';

const limits = { maxUnfinished: 100, maxUnfinishedBytes: 1_000, maxUncommitted: 1_000 };

describe('a partition', () => {
  it.each([
    ['unfinished records', { unfinished: 101, unfinishedBytes: 0, uncommitted: 0 }],
    ['unfinished bytes', { unfinished: 0, unfinishedBytes: 1_001, uncommitted: 0 }],
    ['uncommitted records', { unfinished: 0, unfinishedBytes: 0, uncommitted: 1_001 }],
  ])('is overloaded above its limit of %s', (_, load) => {
    expect(isOverloaded(false, load, limits)).toBe(true);
  });

  it('stays as it is between half of a limit and the limit', () => {
    const load = { unfinished: 75, unfinishedBytes: 0, uncommitted: 0 };
    expect(isOverloaded(false, load, limits)).toBe(false);
    expect(isOverloaded(true, load, limits)).toBe(true);
    expect(isOverloaded(true, { ...load, unfinished: 50 }, limits)).toBe(false);
  });
});
