import { expect, it } from 'vitest';
import type { HourFigures } from '../flow/simulate-hour.ts';
import type { DueIndexFigures } from './due-index.ts';
import { dueIndexTable, judgeRefresh, stormTable } from './refresh-report.ts';
import type { PlainDelays, StormFigures } from './refresh-storm.ts';

const index = (connections: number, take_ms: number): DueIndexFigures => ({
  connections,
  bytes_each: 1_400,
  due: [{ due: 1_000, take_ms, sweep_ms: 3 * take_ms }],
});
const delays = (p99_ms: number, failed = 0): PlainDelays => ({ count: 1_000, failed, p50_ms: 5, p99_ms });
const storm = (other: Partial<StormFigures> = {}): StormFigures => ({
  schedulers: 1,
  connections: 50_000,
  seconds: 100,
  per_second: 500,
  late_p50_s: 20,
  late_p99_s: 40,
  late_most_s: 41,
  margin_s: 720,
  beyond_margin: 0,
  refused: 0,
  scheduler_cpu_us: 1_000,
  provider_cpu_us: 500,
  calm: delays(10),
  storm: delays(100),
  ...other,
});
const hour: HourFigures = {
  asked: 1_000,
  failed: 0,
  most_ms: 50,
  refreshes: 100,
  begun_on_retrieval: 0,
  waited: 0,
  least_left: 0.1,
};

const failures = (figures: Parameters<typeof judgeRefresh>[0]) =>
  judgeRefresh(figures).flatMap(({ title, passed }) => (passed ? [] : [title]));

it('finds nothing wrong with an index that costs what is due, a storm within its margin and an hour without waiting', () => {
  expect(failures({ due_index: [index(100_000, 10), index(1_000_000, 12)], storms: [storm()], hour })).toEqual([]);
});

it('says what is wrong', () => {
  const storms = [storm({ beyond_margin: 1 }), storm({ schedulers: 2, refused: 1, storm: delays(1_001, 3) })];
  const waiting = { ...hour, waited: 1, begun_on_retrieval: 2, failed: 3 };
  expect(failures({ due_index: [index(100_000, 10), index(1_000_000, 100)], storms, hour: waiting })).toEqual([
    'taking 1,000 due, largest index / smallest',
    'renewed beyond their margin, 1 scheduler',
    'refused by the provider, 2 schedulers',
    'plain GetToken that failed, 2 schedulers',
    'plain GetToken p99 meanwhile, 2 schedulers',
    'GetToken that waited for a refresh',
    'refreshes begun for a GetToken',
    'GetToken that failed',
  ]);
});

it('prints sizes and storms side by side', () => {
  const sizes = dueIndexTable([index(100_000, 10), index(1_000_000, 12)]).join('\n');
  expect(sizes).toContain('100,000  1,000,000');
  expect(sizes).toMatch(/taking 1,000 that are due, ms +10\.0 +12\.0/);
  expect(stormTable([storm(), storm({ schedulers: 2 })])[0]).toBe(
    '50,000 fall due                   1 scheduler  2 schedulers',
  );
});
