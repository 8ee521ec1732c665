import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createHealth } from './health.ts';
import { beginAtZero, createMetrics } from './metrics.ts';

describe("the event loop's delay", () => {
  const registry = createMetrics('test', createHealth());
  const secondsOf = async (statistic: string): Promise<number> => {
    const text = await registry.getSingleMetricAsString(`nodejs_eventloop_lag_${statistic}_seconds`);
    return Number(/ ([\d.e+-]+)$/.exec(text)?.[1]);
  };

  it('does not contain the interval at which it is measured', async () => {
    await sleep(200);
    expect(await secondsOf('p50')).toBeLessThan(0.01); // an idle process; the interval is 0.02
  });

  it('shows a delay in full', async () => {
    await sleep(100);
    await registry.metrics();
    const until = performance.now() + 300;
    while (performance.now() < until);
    await sleep(50);
    const max = await secondsOf('max');
    expect(max).toBeGreaterThan(0.25);
  });
});

describe('beginAtZero', () => {
  it('creates the series of each combination of label values, and changes none', async () => {
    const registers = [new Registry()];
    const counter = new Counter({ name: 'events_total', help: 'h', labelNames: ['engine', 'result'], registers });
    counter.inc({ engine: 'a', result: 'ok' }, 2);
    beginAtZero(counter, { engine: ['a', 'b'], result: ['ok', 'failed'] });
    const { values } = await counter.get();
    expect(values.map(({ labels: { engine, result }, value }) => `${engine} ${result} ${value}`).sort()).toEqual([
      'a failed 0',
      'a ok 2',
      'b failed 0',
      'b ok 0',
    ]);
  });
});
