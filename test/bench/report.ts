import { median } from './percentile.ts';

/** Who is measured. */
export const CONTESTANTS = ['echo', 'nest', 'get_token', 'store_token', 'gateway'] as const;
export type Name = (typeof CONTESTANTS)[number];

/** One line of the report, as `--json` writes it. CPU in µs per command. */
export interface Run {
  readonly name: Name;
  readonly inflight: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly per_second: number;
  readonly worker_cpu_us: number;
  readonly client_cpu_us: number;
}

/** The medians over the rounds, of each figure by itself. */
export const medians = (rounds: readonly (readonly Run[])[]): readonly Run[] => {
  const all = rounds.flat();
  const cells = new Map(all.map((run) => [`${run.name}/${run.inflight}`, run]));
  return [...cells.values()].map(({ name, inflight }) => {
    const same = all.filter((run) => run.name === name && run.inflight === inflight);
    const of = (figure: (run: Run) => number): number => Number(median(same.map(figure)).toPrecision(5));
    return {
      name,
      inflight,
      p50_ms: of((run) => run.p50_ms),
      p99_ms: of((run) => run.p99_ms),
      per_second: of((run) => run.per_second),
      worker_cpu_us: of((run) => run.worker_cpu_us),
      client_cpu_us: of((run) => run.client_cpu_us),
    };
  });
};

/** What must hold, as a figure of one round; undefined where the round lacks a part of it. */
interface Target {
  readonly title: string;
  readonly limit: number;
  readonly sense: 'at most' | 'at least';
  readonly unit: string;
  readonly figure: (of: Find) => number | undefined;
}

type Find = (name: Name, inflight: number) => Run | undefined;

const over = (numerator: number | undefined, denominator: number | undefined): number | undefined =>
  numerator === undefined || denominator === undefined ? undefined : numerator / denominator;

const TARGETS: readonly Target[] = [
  {
    title: 'get_token p50, one at a time / echo',
    limit: 2,
    sense: 'at most',
    unit: '×',
    figure: (of) => over(of('get_token', 1)?.p50_ms, of('echo', 1)?.p50_ms),
  },
  {
    title: 'get_token p99 at 64 in flight / echo',
    limit: 3,
    sense: 'at most',
    unit: '×',
    figure: (of) => over(of('get_token', 64)?.p99_ms, of('echo', 64)?.p99_ms),
  },
  {
    title: 'get_token rate at 256 in flight / echo',
    limit: 0.5,
    sense: 'at least',
    unit: '×',
    figure: (of) => over(of('get_token', 256)?.per_second, of('echo', 256)?.per_second),
  },
  {
    title: 'get_token rate at 256 in flight / nest',
    limit: 3,
    sense: 'at least',
    unit: '×',
    figure: (of) => over(of('get_token', 256)?.per_second, of('nest', 256)?.per_second),
  },
  {
    title: 'gateway p50 - get_token p50, one at a time',
    limit: 1,
    sense: 'at most',
    unit: 'ms',
    figure: (of) => {
      const [gateway, direct] = [of('gateway', 1), of('get_token', 1)];
      return gateway === undefined || direct === undefined ? undefined : gateway.p50_ms - direct.p50_ms;
    },
  },
];

/** How a target came out: `value` is the median of the rounds' own figures, for only within a round is the machine the same. */
export interface Verdict {
  readonly title: string;
  readonly target: string;
  readonly value: string;
  readonly passed: boolean | null;
}

/** Compares the rounds with the targets. */
export const judge = (rounds: readonly (readonly Run[])[]): readonly Verdict[] =>
  TARGETS.map(({ title, limit, sense, unit, figure }) => {
    const figures = rounds.flatMap((round) => {
      const value = figure((name, inflight) => round.find((run) => run.name === name && run.inflight === inflight));
      return value === undefined ? [] : [value];
    });
    const target = `${sense} ${limit} ${unit}`;
    if (figures.length === 0) return { title, target, value: 'not measured', passed: null };
    const value = median(figures);
    const passed = sense === 'at most' ? value <= limit : value >= limit;
    return { title, target, value: `${value.toFixed(2)} ${unit}`, passed };
  });
