import { describe, expect, it } from 'vitest';
import { shouldHold } from './back-pressure.ts';

const limits = { maxUnfinished: 100, maxUnfinishedBytes: 1_000, maxUncommitted: 1_000 };

describe('a partition', () => {
  it.each([
    ['unfinished records', { unfinished: 101, unfinishedBytes: 0, uncommitted: 0 }],
    ['unfinished bytes', { unfinished: 0, unfinishedBytes: 1_001, uncommitted: 0 }],
    ['uncommitted records', { unfinished: 0, unfinishedBytes: 0, uncommitted: 1_001 }],
  ])('is held above its limit of %s', (_, load) => {
    expect(shouldHold(false, load, limits)).toBe(true);
  });

  it('stays as it is between half and the whole of a limit', () => {
    const load = { unfinished: 75, unfinishedBytes: 0, uncommitted: 0 };
    expect(shouldHold(false, load, limits)).toBe(false);
    expect(shouldHold(true, load, limits)).toBe(true);
    expect(shouldHold(true, { ...load, unfinished: 50 }, limits)).toBe(false);
  });
});
