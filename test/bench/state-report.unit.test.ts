import { expect, it } from 'vitest';
import type { Delays } from './state-delay-client.ts';
import { judgeState, viewTable } from './state-report.ts';
import type { ViewCost } from './state-view-client.ts';

const delays = (p99_ms: number, per_second = 500): Delays => ({ count: 1, per_second, p50_ms: 1, p99_ms, most_ms: 1 });
const view = (users: number, bytesEach: number, cpuEachUs = 10): ViewCost => ({
  users,
  caught_up_ms: users / 100,
  caught_up_cpu_ms: (users * cpuEachUs) / 1_000,
  held_bytes: users * bytesEach,
  peak_rss_bytes: 2 ** 30,
  get_us: 5,
});

it('holds the state topic to its times and the view to growing no faster than its users', () => {
  const passed = (figures: Parameters<typeof judgeState>[0]) => judgeState(figures).map((verdict) => verdict.passed);
  const views = [view(1_000, 300), view(4_000, 290)];
  expect(passed({ idle: delays(99), loaded: delays(999), views })).toEqual([true, true, true, true, true]);
  const worse = [view(1_000, 300), view(4_000, 400, 16)];
  expect(passed({ idle: delays(101), loaded: delays(1_001, 400), views: worse })).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});

it('prints the views side by side, with the cost of a user', () => {
  const lines = viewTable([view(250_000, 300), view(1_000_000, 290)]);
  expect(lines[0]).toContain('250,000 users  1,000,000 users');
  expect(lines.join('\n')).toMatch(/bytes a user +300 +290\n +bytes a further user +287/);
});
