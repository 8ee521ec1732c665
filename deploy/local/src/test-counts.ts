/** What vitest's JSON reporter writes, as far as it is read here. */
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

/** The counts of a run that ended with this exit code; no report means that it never came to one. */
export function countTests(report: TestReport | undefined, exitCode: number): TestCounts {
  const passed = report?.numPassedTests ?? 0;
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  const failed = (report?.numFailedTests ?? 0) + brokenFiles(report);
  // An error outside of any test (an unhandled rejection, a setup that failed) fails the run: it counts as one.
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}

/** The last line of `npm test`: `12 passed, 0 failed`, with `, 1 skipped` where there are any. */
export function countsLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A run without a failure and without a test proves nothing. */
export function isGreen({ passed, failed }: TestCounts): boolean {
  return failed === 0 && passed > 0;
}

/** Files that could not be loaded fail without a test of theirs that failed. */
function brokenFiles(report: TestReport | undefined): number {
  const files = report?.testResults ?? [];
  return files.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
}
