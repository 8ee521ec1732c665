import type { HourFigures } from '../flow/simulate-hour.ts';
import type { DueIndexFigures } from './due-index.ts';
import type { StormFigures } from './refresh-storm.ts';
import type { Verdict } from './report.ts';
import { aligned } from './table.ts';

/** The index as it grows, side by side. */
export const dueIndexTable = (sizes: readonly DueIndexFigures[]): readonly string[] => {
  const counts = sizes[0]?.due.map(({ due }) => due) ?? [];
  const row = (title: string, of: (size: DueIndexFigures) => number | undefined, digits = 1): string[] => [
    title,
    ...sizes.map((size) => (of(size) ?? Number.NaN).toFixed(digits)),
    '',
  ];
  return aligned([
    ['connections in the due index', ...sizes.map(({ connections }) => connections.toLocaleString('en')), ''],
    row('bytes of Redis for one', (size) => size.bytes_each, 0),
    ...counts.flatMap((count, at) => [
      row(`taking ${count.toLocaleString('en')} that are due, ms`, (size) => size.due[at]?.take_ms),
      row('  a sweep that finds them, ms', (size) => size.due[at]?.sweep_ms),
    ]),
  ]);
};

/** Storms, side by side. */
export const stormTable = (storms: readonly StormFigures[]): readonly string[] => {
  const row = (title: string, of: (storm: StormFigures) => number, digits = 0): string[] => [
    title,
    ...storms.map((storm) => of(storm).toFixed(digits)),
    '',
  ];
  const [first] = storms;
  return aligned([
    [`${first?.connections.toLocaleString('en')} fall due`, ...storms.map(withSchedulers), ''],
    row('refreshes a second', ({ per_second }) => per_second),
    row('late p50, s', ({ late_p50_s }) => late_p50_s, 1),
    row('late p99, s', ({ late_p99_s }) => late_p99_s, 1),
    row('late at most, s', ({ late_most_s }) => late_most_s, 1),
    row('  of a margin of, s', ({ margin_s }) => margin_s),
    row('schedulers, CPU µs a refresh', ({ scheduler_cpu_us }) => scheduler_cpu_us),
    row('provider, CPU µs a refresh', ({ provider_cpu_us }) => provider_cpu_us),
    row('plain GetToken before, p50 ms', ({ calm }) => calm.p50_ms, 1),
    row('  p99 ms', ({ calm }) => calm.p99_ms, 1),
    row('plain GetToken meanwhile, p50 ms', ({ storm }) => storm.p50_ms, 1),
    row('  p99 ms', ({ storm }) => storm.p99_ms, 1),
  ]);
};

const withSchedulers = ({ schedulers }: StormFigures): string => `${schedulers} scheduler${schedulers > 1 ? 's' : ''}`;

/** The simulated hour. */
export const hourTable = (hour: HourFigures): readonly string[] =>
  aligned([
    ['tokens asked for', String(hour.asked), ''],
    ['  answered at the latest after, ms', hour.most_ms.toFixed(0), ''],
    ['renewed by the scheduler', String(hour.refreshes), ''],
    ['  with at least this part of their life left, %', (hour.least_left * 100).toFixed(1), ''],
  ]);

/** What a sweep may grow by from the smallest index to the largest, ten times as large: its depth grows, and machines are noisy. */
const GROWTH = 2;
/** What a storm may do to those who ask for fresh tokens meanwhile. */
const PLAIN_P99_MS = 1_000;

/** What the figures say of the targets. */
export const judgeRefresh = ({
  due_index: sizes,
  storms,
  hour,
}: {
  readonly due_index: readonly DueIndexFigures[];
  readonly storms: readonly StormFigures[];
  readonly hour: HourFigures;
}): readonly Verdict[] => [
  ...growths(sizes),
  ...storms.flatMap((storm) => [
    none(`renewed beyond their margin, ${withSchedulers(storm)}`, storm.beyond_margin),
    none(`refused by the provider, ${withSchedulers(storm)}`, storm.refused),
    none(`plain GetToken that failed, ${withSchedulers(storm)}`, storm.calm.failed + storm.storm.failed),
    atMost(`plain GetToken p99 meanwhile, ${withSchedulers(storm)}`, storm.storm.p99_ms, PLAIN_P99_MS, 'ms'),
  ]),
  none('GetToken that waited for a refresh', hour.waited),
  none('refreshes begun for a GetToken', hour.begun_on_retrieval),
  none('GetToken that failed', hour.failed),
];

const growths = (sizes: readonly DueIndexFigures[]): readonly Verdict[] => {
  const [smallest, largest] = [sizes[0], sizes.at(-1)];
  return (smallest?.due ?? []).map(({ due, take_ms }, at) =>
    atMost(
      `taking ${due.toLocaleString('en')} due, largest index / smallest`,
      (largest?.due[at]?.take_ms ?? Number.NaN) / take_ms,
      GROWTH,
      '×',
    ),
  );
};

const none = (title: string, value: number): Verdict => ({
  title,
  target: 'none',
  value: String(value),
  passed: value === 0,
});

const atMost = (title: string, value: number, limit: number, unit: string): Verdict => ({
  title,
  target: `at most ${limit} ${unit}`,
  value: `${value.toFixed(2)} ${unit}`,
  passed: value <= limit,
});
