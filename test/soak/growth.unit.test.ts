import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { growthOf } from './growth.ts';

const MIB = 2 ** 20;

/** A sample a second for so many seconds. */
const samplesOf = (seconds: number, bytesAt: (second: number) => number) =>
  Array.from({ length: seconds }, (_, second) => {
    const bytes = bytesAt(second);
    return { at: 5_000 + second * 1_000, rss: bytes, heap: bytes };
  });

describe('the growth of a process', () => {
  it('is what leaks, under the saw teeth of garbage collection', () => {
    const sawTooth = (second: number): number => 50 * MIB + second * 0.1 * MIB + (second % 7) * 3 * MIB;
    const growth = growthOf(samplesOf(600, sawTooth), 'heap');
    expect((growth?.rise ?? 0) / MIB).toBeCloseTo(44, -1);
  });

  it('is none where memory stays flat, whatever a quarter of the windows does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 99 }), { maxLength: 10 }), (bursts) => {
        const flat = (second: number): number => (bursts.includes(Math.floor(second / 10)) ? 900 : 60) * MIB;
        expect(growthOf(samplesOf(600, flat), 'rss')?.rise).toBe(0);
      }),
    );
  });

  it('leaves the warm-up out', () => {
    const warming = (second: number): number => Math.min(second, 45) * MIB;
    expect(growthOf(samplesOf(120, warming), 'heap')).toMatchObject({ from: 45 * MIB, rise: 0 });
  });

  it('is not known after a short run', () => {
    expect(
      growthOf(
        samplesOf(80, () => MIB),
        'heap',
      ),
    ).toBeNull();
    expect(growthOf([], 'heap')).toBeNull();
  });
});
