import type { TestVault } from '../flow/open-vault.ts';
import { startProcess } from './bench-process.ts';
import { type Plan, runOnce, warmUp } from './compare.ts';
import { type Entrant, startEcho, startRoundTrips, startVaultClient } from './entrants.ts';
import { openBenchVault } from './open-bench-vault.ts';
import { medians, type Run } from './report.ts';
import { aligned, runTable } from './table.ts';

const IN_FLIGHT = [64, 256, 1_024];

/** The medians of the vault, of what it can't do without, of its round trips alone, and of the echo. */
export interface FloorFigures {
  readonly vault: readonly Run[];
  readonly floor: readonly Run[];
  readonly roundTrips: readonly Run[];
  readonly echo: readonly Run[];
}

/**
 * What `GetToken` costs at least: the vault's worker, a worker that does in a straight line what can't be left out
 * (`floor-worker.ts`), one that makes the round trips alone, and the echo, by turns in each round. The first two answer the same
 * client on the same topic, the other two the same kind of client.
 */
export const measureFloor = async (plan: Plan, say: (line?: string) => void): Promise<FloorFigures> => {
  const vault = await openBenchVault(['command-worker']);
  const echo = await startEcho(vault, 'echo');
  const roundTrips = await startRoundTrips(vault);
  try {
    const { client, stop } = await startVaultClient(vault, 'get_token');
    await vault.running.stop();
    const rounds = { vault: [] as Run[], floor: [] as Run[], roundTrips: [] as Run[], echo: [] as Run[] };
    for (let round = 1; round <= plan.rounds; round += 1) {
      const worker = await startWorker(vault, round);
      rounds.vault.push(
        ...(await runAll({ name: 'get_token', client, workers: [worker.pid], stop: worker.stop }, plan)),
      );
      const floor = await startProcess('floor-worker.ts', vault.place);
      rounds.floor.push(...(await runAll({ name: 'get_token', client, workers: [floor.pid], stop: floor.stop }, plan)));
      rounds.roundTrips.push(...(await runAll({ ...roundTrips, stop: async () => undefined }, plan)));
      rounds.echo.push(...(await runAll({ ...echo, stop: async () => undefined }, plan)));
      say(`round ${round} of ${plan.rounds}`);
    }
    await stop();
    const figures = {
      vault: medians([rounds.vault]),
      floor: medians([rounds.floor]),
      roundTrips: medians([rounds.roundTrips]),
      echo: medians([rounds.echo]),
    };
    const titles = { vault: 'vault', floor: 'floor', roundTrips: 'round trips alone', echo: 'echo' } as const;
    for (const name of Object.keys(titles) as (keyof typeof titles)[])
      for (const line of ['', titles[name], ...runTable(figures[name])]) say(line);
    for (const line of ['', ...ratios(figures)]) say(line);
    return figures;
  } finally {
    await echo.stop();
    await roundTrips.stop();
    await vault.close();
  }
};

const startWorker = async (vault: TestVault, round: number) => {
  const name = `command-worker-${round}`;
  const running = await vault.start(name, 'command-worker');
  return { pid: running.services.get(name)?.pid ?? 0, stop: () => running.stop() };
};

const runAll = async (entrant: Entrant, plan: Plan): Promise<readonly Run[]> => {
  const runs: Run[] = [];
  try {
    await warmUp(entrant, plan);
    for (const inflight of IN_FLIGHT) runs.push(await runOnce(entrant, inflight, plan, () => undefined));
    return runs;
  } finally {
    await entrant.stop();
  }
};

/** Rates, as parts of the echo's. */
const ratios = ({ vault, floor, roundTrips, echo }: FloorFigures): readonly string[] => {
  const part = (runs: readonly Run[], inflight: number): string => {
    const [own, least] = [runs, echo].map((some) => some.find((run) => run.inflight === inflight)?.per_second ?? 0);
    return `${((own ?? 0) / (least ?? 1)).toFixed(2)} ×`;
  };
  const rows = IN_FLIGHT.map((inflight) => [
    `at ${inflight} in flight`,
    ...[vault, floor, roundTrips].map((runs) => part(runs, inflight)),
  ]);
  return aligned([['rate / echo', 'vault', 'floor', 'round trips'], ...rows]);
};
