import { type HourFigures, type SimulatedHour, simulateHour } from '../flow/simulate-hour.ts';
import { type DueIndexFigures, type DueIndexPlan, measureDueIndex } from './due-index.ts';
import { openStormPlace } from './open-storm-place.ts';
import { dueIndexTable, hourTable, judgeRefresh, stormTable } from './refresh-report.ts';
import { measureStorm, type StormFigures, type StormPlan } from './refresh-storm.ts';
import { verdictTable } from './table.ts';

/** What the suite does, and how large. */
export interface RefreshPlan {
  readonly dueIndex: DueIndexPlan;
  readonly storm: StormPlan;
  /** How many schedulers there are in one storm after the other, ascending. */
  readonly schedulers: readonly number[];
  readonly hour: SimulatedHour;
}

export const FULL_REFRESH: RefreshPlan = {
  dueIndex: { sizes: [100_000, 300_000, 1_000_000], due: [0, 1_000, 10_000], idleSweeps: 9 },
  storm: { connections: 50_000, withinMs: 60_000, calmMs: 15_000, asksPerSecond: 100 },
  schedulers: [1, 2],
  hour: { lifetimeS: 60, lifetimes: 1.5, marginPart: 0.2, connections: 1_000, asksPerSecond: 200 },
};
export const QUICK_REFRESH: RefreshPlan = {
  dueIndex: { sizes: [5_000, 10_000, 20_000], due: [0, 100, 1_000], idleSweeps: 3 },
  storm: { connections: 2_000, withinMs: 3_000, calmMs: 3_000, asksPerSecond: 100 },
  schedulers: [1, 2],
  hour: { lifetimeS: 20, lifetimes: 1.2, marginPart: 0.2, connections: 200, asksPerSecond: 100 },
};

/** What the suite found, as `--json` writes it. */
export interface RefreshFigures {
  readonly due_index: readonly DueIndexFigures[];
  readonly storms: readonly StormFigures[];
  readonly hour: HourFigures;
}

/** The due index as it grows; storms, with ever more schedulers; an hour in which nobody should wait. */
export const measureRefresh = async (plan: RefreshPlan, say: (line?: string) => void): Promise<RefreshFigures> => {
  const dueIndex = await measureDueIndex(plan.dueIndex, say);
  for (const line of [...dueIndexTable(dueIndex), '']) say(line);
  const storms = await measureStorms(plan, say);
  for (const line of [...stormTable(storms), '']) say(line);
  say('asking for tokens while they are renewed');
  const hour = await simulateHour(plan.hour);
  for (const line of [...hourTable(hour), '']) say(line);
  const figures = { due_index: dueIndex, storms, hour };
  for (const line of verdictTable(judgeRefresh(figures))) say(line);
  return figures;
};

const measureStorms = async (
  { storm, schedulers }: RefreshPlan,
  say: (line: string) => void,
): Promise<readonly StormFigures[]> => {
  const { open, startScheduler, close } = await openStormPlace();
  const pids: number[] = [];
  try {
    const storms: StormFigures[] = [];
    for (const count of schedulers) {
      while (pids.length < count) pids.push(await startScheduler({}));
      say(`connecting ${storm.connections.toLocaleString('en')} users for ${count} of the scheduler`);
      storms.push(await measureStorm({ ...open, schedulers: pids, name: `storm-${count}` }, storm));
    }
    return storms;
  } finally {
    await close();
  }
};
