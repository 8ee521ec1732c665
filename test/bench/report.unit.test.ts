import { describe, expect, it } from 'vitest';
import { judge, medians, type Name, type Run } from './report.ts';

const run = (name: Name, inflight: number, p50_ms: number, per_second = 1_000): Run => ({
  name,
  inflight,
  p50_ms,
  p99_ms: 2 * p50_ms,
  per_second,
  worker_cpu_us: 10,
  client_cpu_us: 20,
});

it('the report has the median of each figure over the rounds', () => {
  const rounds = [[run('echo', 1, 1, 300)], [run('echo', 1, 9, 100)], [run('echo', 1, 2, 200)]];
  expect(medians(rounds)).toEqual([{ ...run('echo', 1, 2, 200), p99_ms: 4 }]);
});

describe('a target', () => {
  const verdictOf = (title: string, rounds: readonly (readonly Run[])[]) =>
    judge(rounds).find((verdict) => verdict.title.startsWith(title));

  it('is judged by the median of the ratios within the rounds, not by a ratio of medians', () => {
    const rounds = [
      [run('echo', 1, 1), run('get_token', 1, 1.5)],
      [run('echo', 1, 10), run('get_token', 1, 15)],
      [run('echo', 1, 2), run('get_token', 1, 20)],
    ];
    expect(verdictOf('get_token p50', rounds)).toMatchObject({ value: '1.50 ×', passed: true });
  });

  it('fails on the wrong side of its limit', () => {
    const rounds = [[run('echo', 256, 1, 1_000), run('get_token', 256, 1, 499)]];
    expect(verdictOf('get_token rate at 256 in flight / echo', rounds)).toMatchObject({ passed: false });
  });

  it('is left open where a part of it was not measured', () => {
    expect(verdictOf('gateway', [[run('get_token', 1, 1)]])).toMatchObject({ passed: null, value: 'not measured' });
  });
});
