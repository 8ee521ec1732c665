import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

const INTERVAL_MS = 20;

const STATISTICS: Readonly<Record<string, (delays: RecordableHistogram) => number>> = {
  min: ({ min }) => min,
  max: ({ max }) => max,
  mean: ({ mean }) => mean,
  stddev: ({ stddev }) => stddev,
  p50: (delays) => delays.percentile(50),
  p90: (delays) => delays.percentile(90),
  p99: (delays) => delays.percentile(99),
};

/**
 * Replaces prom-client's `nodejs_eventloop_lag_{min,max,mean,stddev,p50,p90,p99}_seconds` by gauges of the same names: by how
 * much a timer that runs every 20 ms was late, since the scrape before. prom-client shows Node's histogram
 * (`perf_hooks.monitorEventLoopDelay`) as it is. That one records the time between two runs of its timer, so an idle process
 * has the timer's interval as its delay; and its `reset` drops the interval that a scrape falls into, with the delay in it.
 */
export const showEventLoopDelay = (registry: Registry): void => {
  const delays = createHistogram();
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    delays.record(Math.max(1, Math.round((now - last - INTERVAL_MS) * 1e6)));
    last = now;
  }, INTERVAL_MS).unref();
  const gauges = new Map<string, Gauge>();
  const update = (): void => {
    if (delays.count === 0) return; // scraped twice within the interval
    for (const [name, read] of Object.entries(STATISTICS)) gauges.get(name)?.set(read(delays) / 1e9);
    delays.reset();
  };
  for (const statistic of Object.keys(STATISTICS)) {
    const name = `nodejs_eventloop_lag_${statistic}_seconds`;
    registry.removeSingleMetric(name);
    const help = `The ${statistic} of the event loop's delay since the last scrape`;
    gauges.set(statistic, new Gauge({ name, help, registers: [registry], collect: update }));
  }
};
