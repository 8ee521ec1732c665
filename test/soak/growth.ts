import type { MemorySample } from './memory.ts';

/** How the memory of a process went, after its warm-up. Bytes. */
export interface Growth {
  /** Where the fitted line begins. */
  readonly from: number;
  /** By how much it rises until the end. */
  readonly rise: number;
  readonly windows: number;
}

/** What a process needs to compile its code and fill its caches, at the least. */
const WARM_UP_MS = 45_000;
const WARM_UP_SHARE = 0.25;
const WINDOW_MS = 10_000;
/** With fewer points a slope says nothing. */
const FEWEST_WINDOWS = 6;

/**
 * The line through what a process held at the least in each window of 10 s: the lowest is what garbage collection has left.
 * Its slope is the median of the slopes of all pairs (Theil–Sen), which a burst in a quarter of the windows does not move.
 * The first 45 s are left out, and the first quarter of a longer run. Null where the rest is too short.
 */
export const growthOf = (samples: readonly MemorySample[], of: 'rss' | 'heap'): Growth | null => {
  const points = lowestOf(samples, of);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < FEWEST_WINDOWS) return null;
  const slope = median(pairsOf(points).map(([a, b]) => (b.value - a.value) / (b.at - a.at)));
  const from = median(points.map(({ at, value }) => value - slope * (at - first.at)));
  return { from, rise: slope * (last.at - first.at), windows: points.length };
};

interface Point {
  readonly at: number;
  readonly value: number;
}

const lowestOf = (samples: readonly MemorySample[], of: 'rss' | 'heap'): readonly Point[] => {
  const begin = samples[0]?.at ?? 0;
  const end = samples.at(-1)?.at ?? 0;
  const warm = begin + Math.max(WARM_UP_MS, (end - begin) * WARM_UP_SHARE);
  const windows = Map.groupBy(
    samples.filter(({ at }) => at >= warm),
    ({ at }) => Math.floor((at - warm) / WINDOW_MS),
  );
  return [...windows].map(([window, inIt]) => ({
    at: warm + window * WINDOW_MS,
    value: Math.min(...inIt.map((sample) => sample[of])),
  }));
};

const pairsOf = (points: readonly Point[]): readonly (readonly [Point, Point])[] =>
  points.flatMap((a, index) => points.slice(index + 1).map((b) => [a, b] as const));

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1] ?? Number.NaN, sorted[Math.floor(middle)] ?? Number.NaN];
  return (low + high) / 2;
};
