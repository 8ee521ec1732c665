/** The used part of the report of vitest's JSON reporter. */
export type TestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
};

export type TestCounts = { readonly passed: number; readonly failed: number; readonly skipped: number };

/** The counts of a run with this exit code. A run that ended early has no report. */
export function countTests(report: TestReport | undefined, exitCode: number): TestCounts {
  const passed = report?.numPassedTests ?? 0;
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  const failed = (report?.numFailedTests ?? 0) + brokenFiles(report);
  // An error outside of any test (an unhandled rejection, a failed setup) counts as one failure.
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}

/** The last line of `npm test`: `12 passed, 0 failed`, with `, 1 skipped` if any were skipped. */
export function countsLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A run without a passed test is not green. */
export function isGreen({ passed, failed }: TestCounts): boolean {
  return failed === 0 && passed > 0;
}

/** A file that could not be loaded fails without a failed test. */
function brokenFiles(report: TestReport | undefined): number {
  const files = report?.testResults ?? [];
  return files.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
}
