import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type AskLeaders, untilLed } from './until-led.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const unknown = new Error('This server does not host this topic-partition');
const topic = { name: 't', partitions: 3 };

it('asks until the leaders of all partitions answer', async () => {
  const ask = vi.fn<AskLeaders>(async () => 3);
  ask.mockRejectedValueOnce(unknown).mockResolvedValueOnce(2);
  const led = untilLed(ask, [topic]);
  await vi.runAllTimersAsync();
  await led;
  expect(ask.mock.calls).toEqual([['t'], ['t'], ['t']]);
});

it('asks nothing where nothing was made', async () => {
  const ask = vi.fn<AskLeaders>();
  await untilLed(ask, []);
  expect(ask).not.toHaveBeenCalled();
});

it('gives up after half a minute with what was said last', async () => {
  const led = expect(untilLed(() => Promise.reject(unknown), [topic])).rejects.toBe(unknown);
  const few = expect(untilLed(async () => 1, [topic])).rejects.toThrow('1 of 3 partitions');
  await vi.advanceTimersByTimeAsync(31_000);
  await Promise.all([led, few]);
});
