import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { cpuInStat } from './cpu-of.ts';
import { measure } from './load.ts';
import { median, percentile } from './percentile.ts';

const load = { warmUpMs: 20, measureMs: 100, workers: [process.pid] };

it('keeps as many requests in flight as it is told, and numbers them', async () => {
  let inflight = 0;
  let most = 0;
  const numbers = new Set<number>();
  const call = async (n: number): Promise<void> => {
    numbers.add(n);
    inflight += 1;
    most = Math.max(most, inflight);
    await sleep(2);
    inflight -= 1;
  };
  const { count, p50Ms, p99Ms, perSecond } = await measure(call, { ...load, inflight: 8 });
  expect(most).toBe(8);
  expect(inflight).toBe(0);
  expect(numbers.size).toBeGreaterThanOrEqual(count);
  expect(p50Ms).toBeGreaterThan(1);
  expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
  expect(perSecond).toBeGreaterThan(0);
});

it('rejects when a request fails', async () => {
  const call = async (n: number): Promise<void> => {
    await sleep(1);
    if (n > 20) throw new Error('refused');
  };
  await expect(measure(call, { ...load, inflight: 2 })).rejects.toThrow('refused');
});

it('reads the CPU time of a process whose name has brackets and spaces', () => {
  const fields = ['S', ...Array.from({ length: 10 }, () => '0'), '7', '5', '99', '99'].join(' ');
  expect(cpuInStat(`4711 (a (b) c) ${fields}`)).toBe(120_000);
});

it('takes percentiles and medians of few values as of many', () => {
  expect([percentile([], 0.5), median([])]).toEqual([Number.NaN, Number.NaN]);
  expect([percentile([5], 0.99), median([5])]).toEqual([5, 5]);
  expect([percentile([1, 2, 3, 4], 0.5), median([4, 1, 3, 2])]).toEqual([3, 2.5]);
});
