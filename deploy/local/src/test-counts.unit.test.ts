import { expect, test } from 'vitest';
import { countsLine, countTests, isGreen, type TestReport } from './test-counts.ts';

const report: TestReport = {
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [{ status: 'passed', assertionResults: [{ status: 'passed' }] }],
};

test('the line has passed and failed tests, and skipped ones if there are any', () => {
  expect(countsLine(countTests(report, 0))).toBe('3 passed, 0 failed');
  expect(countsLine(countTests({ ...report, numPendingTests: 2 }, 0))).toBe('3 passed, 0 failed, 2 skipped');
});

test('a file that could not be loaded counts as a failure', () => {
  const broken = { ...report, testResults: [...report.testResults, { status: 'failed', assertionResults: [] }] };
  expect(countTests(broken, 1)).toEqual({ passed: 3, failed: 1, skipped: 0 });
});

test('a file with a failed test counts by its tests only', () => {
  const testResults = [{ status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'failed' }] }];
  expect(countTests({ ...report, numFailedTests: 2, testResults }, 1).failed).toBe(2);
});

test('an error outside of any test fails the run', () => {
  expect(isGreen(countTests(report, 1))).toBe(false);
  expect(countsLine(countTests(report, 1))).toBe('3 passed, 1 failed');
});

test('a run without a report, or without a test, is not green', () => {
  expect(isGreen(countTests(undefined, 1))).toBe(false);
  expect(isGreen(countTests({ ...report, numPassedTests: 0 }, 0))).toBe(false);
});
