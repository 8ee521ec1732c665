import { cpuOf } from './cpu-of.ts';
import { percentile } from './percentile.ts';

/** How a contestant is loaded: a closed loop, in which each of `inflight` callers asks again as soon as it is answered. */
export interface Load {
  readonly inflight: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The processes whose CPU time counts as the worker's. */
  readonly workers: readonly number[];
}

/** What one measurement found. Times are of answers that came inside the window. */
export interface Measured {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
  readonly workerCpuUs: number;
  readonly clientCpuUs: number;
}

/** One request; `n` rises by one with each. */
export type Call = (n: number) => Promise<unknown>;

/** Loads `call`, first for the warm-up, then for the window that counts; waits for what is under way at its end. */
export const measure = async (call: Call, load: Load): Promise<Measured> => {
  const state = { n: 0, counting: false, over: false };
  const took: number[] = [];
  const caller = async (): Promise<void> => {
    while (!state.over) {
      const asked = performance.now();
      state.n += 1;
      await call(state.n);
      if (state.counting) took.push(performance.now() - asked);
    }
  };
  const callers = Promise.all(Array.from({ length: load.inflight }, caller));
  const window = async (): Promise<Omit<Measured, 'p50Ms' | 'p99Ms'>> => {
    await pause(load.warmUpMs);
    const before = readClocks(load.workers);
    state.counting = true;
    await pause(load.measureMs);
    state.counting = false;
    const after = readClocks(load.workers);
    state.over = true;
    const count = took.length;
    return {
      count,
      perSecond: (count * 1_000) / (after.ms - before.ms),
      workerCpuUs: (after.workerUs - before.workerUs) / Math.max(1, count),
      clientCpuUs: (after.ownUs - before.ownUs) / Math.max(1, count),
    };
  };
  try {
    // A caller that fails ends the measurement at once.
    const [counted] = await Promise.all([Promise.race([window(), callers.then(() => window())]), callers]);
    const sorted = took.sort((a, b) => a - b);
    return { ...counted, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
  } finally {
    state.over = true;
  }
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const readClocks = (workers: readonly number[]) => {
  const { user, system } = process.cpuUsage();
  return {
    ms: performance.now(),
    ownUs: user + system,
    workerUs: workers.reduce((sum, pid) => sum + cpuOf(pid), 0),
  };
};
