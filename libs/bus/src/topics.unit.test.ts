import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type CountLeaders, waitForLeaders } from './topics.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const unknown = new Error('This server does not host this topic-partition');
const topic = { name: 't', partitions: 3 };

it('waits until the leaders of all partitions respond', async () => {
  const count = vi.fn<CountLeaders>(async () => 3);
  count.mockRejectedValueOnce(unknown).mockResolvedValueOnce(2);
  const led = waitForLeaders(count, [topic]);
  await vi.runAllTimersAsync();
  await led;
  expect(count.mock.calls).toEqual([['t'], ['t'], ['t']]);
});

it('asks for no leaders where no topic was created', async () => {
  const count = vi.fn<CountLeaders>();
  await waitForLeaders(count, []);
  expect(count).not.toHaveBeenCalled();
});

it('gives up after half a minute with the last error', async () => {
  const led = expect(waitForLeaders(() => Promise.reject(unknown), [topic])).rejects.toBe(unknown);
  const few = expect(waitForLeaders(async () => 1, [topic])).rejects.toThrow('1 of 3 partitions');
  await vi.advanceTimersByTimeAsync(31_000);
  await Promise.all([led, few]);
});
