import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CommandTimes, deadlineOf, freshness } from './freshness.ts';

const HOUR = 3_600_000;
const times = (other: Partial<CommandTimes>): CommandTimes => ({
  sentMs: 1_790_000_000_000,
  appendMs: 1_790_000_000_000,
  now: 1_790_000_000_000,
  retentionMs: HOUR,
  ...other,
});
const at = 1_790_000_000_000;

describe('freshness', () => {
  it.each([
    ['just appended', {}, 'fresh'],
    ['signed 60 s before it was appended', { sentMs: at - 60_000 }, 'fresh'],
    ['signed longer before', { sentMs: at - 60_001 }, 'sent_too_early'],
    ['signed by a clock 60 s ahead', { sentMs: at + 60_000 }, 'fresh'],
    ['signed by a clock further ahead', { sentMs: at + 60_001 }, 'sent_too_late'],
    ['read as old as the topic keeps it', { now: at + HOUR }, 'fresh'],
    ['read later than the topic keeps it', { now: at + HOUR + 1 }, 'past_retention'],
    ["read by a worker whose clock is behind the broker's", { now: at - 30_000 }, 'fresh'],
  ] as const)('a command %s', (_when, given, expected) => {
    expect(freshness(times(given))).toBe(expected);
  });

  it('refuses a copy that was appended more than 60 s after signing, whatever the other clocks say', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60_001, max: 1e12 }), fc.nat(1e12), (late, now) => {
        expect(freshness(times({ appendMs: at + late, now }))).not.toBe('fresh');
      }),
    );
  });
});

describe('deadlineOf', () => {
  it("counts from the broker's append time", () => {
    expect(deadlineOf(at, 5_000)).toBe(at + 5_000);
  });
});
