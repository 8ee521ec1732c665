import type { Run, Verdict } from './report.ts';

const HEADINGS = ['', 'in flight', 'p50 ms', 'p99 ms', 'per second', 'worker µs', 'client µs'] as const;
const BAR_WIDTH = 30;

/** The runs as lines of text, those with the same number in flight together, with a bar for the rate. */
export const runTable = (runs: readonly Run[]): readonly string[] => {
  const most = Math.max(...runs.map((run) => run.per_second));
  const ordered = [...Map.groupBy(runs, (run) => run.inflight)].sort(([a], [b]) => a - b);
  const rows = ordered.flatMap(([, group]) => [...group.map((run) => [...cells(run), bar(run.per_second / most)]), []]);
  return aligned([[...HEADINGS, 'rate'], ...rows]);
};

const cells = (run: Run): string[] => [
  run.name,
  String(run.inflight),
  run.p50_ms.toFixed(2),
  run.p99_ms.toFixed(2),
  run.per_second.toFixed(0),
  run.worker_cpu_us.toFixed(0),
  run.client_cpu_us.toFixed(0),
];

const bar = (share: number): string => '█'.repeat(Math.max(1, Math.round(share * BAR_WIDTH)));

/** The verdicts as lines of text. */
export const verdictTable = (verdicts: readonly Verdict[]): readonly string[] =>
  aligned(
    verdicts.map(({ title, target, value, passed }) => [
      title,
      value,
      target,
      passed === null ? 'skipped' : passed ? 'pass' : 'FAIL',
    ]),
  );

/** Columns of equal width: the first and the last to the left, the others to the right. */
export const aligned = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, at) =>
        at === 0 || at === row.length - 1 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
};
