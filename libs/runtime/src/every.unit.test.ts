import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { every } from './every.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a run that takes longer than the interval does not overlap with the next', async () => {
  let ends = () => {};
  const task = vi.fn(() => new Promise<void>((resolve) => (ends = resolve)));
  const repeating = every(10, task, () => {});
  await vi.advanceTimersByTimeAsync(35);
  expect(task).toHaveBeenCalledTimes(1);
  ends();
  await vi.advanceTimersByTimeAsync(10);
  expect(task).toHaveBeenCalledTimes(2);
  ends();
  await repeating.stop();
});

test('a run that fails is reported, and the next run follows', async () => {
  const failed = vi.fn();
  const task = vi.fn(() => Promise.reject(new Error('no')));
  const repeating = every(10, task, failed);
  await vi.advanceTimersByTimeAsync(20);
  await repeating.stop();
  expect(task).toHaveBeenCalledTimes(2);
  expect(failed).toHaveBeenCalledTimes(2);
});

test('stop waits for the current run, and no run begins afterwards', async () => {
  let ends = () => {};
  const task = vi.fn(() => new Promise<void>((resolve) => (ends = resolve)));
  const repeating = every(10, task, () => {});
  await vi.advanceTimersByTimeAsync(10);
  const stopped = vi.fn();
  const stopping = repeating.stop().then(stopped);
  await vi.advanceTimersByTimeAsync(50);
  expect(stopped).not.toHaveBeenCalled();
  ends();
  await stopping;
  expect(task).toHaveBeenCalledTimes(1);
});
