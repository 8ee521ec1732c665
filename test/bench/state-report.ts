import type { Verdict } from './report.ts';
import type { Delays } from './state-delay-client.ts';
import type { ViewCost } from './state-view-client.ts';
import { aligned } from './table.ts';

const MIB = 2 ** 20;

/** From reply to snapshot, as lines of text. */
export const delayTable = ({ idle, loaded }: { readonly idle: Delays; readonly loaded: Delays }): readonly string[] =>
  aligned([
    ['from reply to snapshot', 'changes', 'per second', 'p50 ms', 'p99 ms', 'most ms', ''],
    ['one at a time', ...delayCells(idle)],
    ['at a rate', ...delayCells(loaded)],
  ]);

const delayCells = ({ count, per_second, p50_ms, p99_ms, most_ms }: Delays): string[] => [
  String(count),
  per_second.toFixed(0),
  p50_ms.toFixed(1),
  p99_ms.toFixed(1),
  most_ms.toFixed(1),
  '',
];

/** Views that grow, side by side, as lines of text. */
export const viewTable = (views: readonly ViewCost[]): readonly string[] =>
  aligned([
    ['a view of', ...views.map(({ users }) => `${users.toLocaleString('en')} users`), ''],
    ['caught up in, s', ...views.map((view) => (view.caught_up_ms / 1_000).toFixed(1)), ''],
    ['  µs a user', ...views.map((view) => ((view.caught_up_ms * 1_000) / view.users).toFixed(1)), ''],
    ['  CPU µs a user', ...views.map((view) => ((view.caught_up_cpu_ms * 1_000) / view.users).toFixed(1)), ''],
    ['holds, MiB', ...views.map((view) => (view.held_bytes / MIB).toFixed(0)), ''],
    ['  bytes a user', ...views.map((view) => (view.held_bytes / view.users).toFixed(0)), ''],
    ['  bytes a further user', ...views.map(bytesOfFurtherUsers), ''],
    ['process at most, MiB', ...views.map((view) => (view.peak_rss_bytes / MIB).toFixed(0)), ''],
    ['one look, µs', ...views.map((view) => view.get_us.toFixed(1)), ''],
  ]);

const bytesOfFurtherUsers = (view: ViewCost, index: number, views: readonly ViewCost[]): string => {
  const before = views[index - 1];
  return before === undefined ? '' : ((view.held_bytes - before.held_bytes) / (view.users - before.users)).toFixed(0);
};

/** What the figures say of the targets. */
export const judgeState = ({
  idle,
  loaded,
  views,
}: {
  readonly idle: Delays;
  readonly loaded: Delays;
  readonly views: readonly ViewCost[];
}): readonly Verdict[] => [
  atMost('reply to snapshot p99, one at a time', idle.p99_ms, 100, 'ms'),
  atMost('reply to snapshot p99, 500 changes a second', loaded.p99_ms, 1_000, 'ms'),
  atLeast('changes that were made a second', loaded.per_second, 475, '/s'),
  atMost(
    'bytes a user, largest view / smallest',
    growth(views, (view) => view.held_bytes),
    1.2,
    '×',
  ),
  atMost(
    'CPU time a user, largest view / smallest',
    growth(views, (view) => view.caught_up_cpu_ms),
    1.5,
    '×',
  ),
];

/** 1 where it grows with the number of users and no faster. */
const growth = (views: readonly ViewCost[], figure: (view: ViewCost) => number): number => {
  const [first, last] = [views[0], views.at(-1)];
  if (first === undefined || last === undefined) return Number.NaN;
  return figure(last) / last.users / (figure(first) / first.users);
};

const atMost = (title: string, value: number, limit: number, unit: string): Verdict => ({
  title,
  target: `at most ${limit} ${unit}`,
  value: `${value.toFixed(2)} ${unit}`,
  passed: value <= limit,
});

const atLeast = (title: string, value: number, limit: number, unit: string): Verdict => ({
  title,
  target: `at least ${limit} ${unit}`,
  value: `${value.toFixed(2)} ${unit}`,
  passed: value >= limit,
});
