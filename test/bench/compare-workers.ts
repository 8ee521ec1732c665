import type { TestVault } from '../flow/open-vault.ts';
import { type Plan, runOnce, warmUp } from './compare.ts';
import { type Entrant, startVaultClient } from './entrants.ts';
import { openBenchVault } from './open-bench-vault.ts';
import { medians, type Run } from './report.ts';
import { runTable } from './table.ts';

const IN_FLIGHT = [64, 256, 1_024];

/** Measures `get_token` with as many workers as each of `counts` says. */
export const compareWorkers = async (
  counts: readonly number[],
  plan: Plan,
  say: (line?: string) => void,
): Promise<void> => {
  const vault = await openBenchVault(['command-worker']);
  try {
    const client = await startVaultClient(vault, 'get_token');
    const workers = [...client.workers];
    for (const count of counts.toSorted((a, b) => a - b)) {
      while (workers.length < count) workers.push(await startWorker(vault, workers.length + 1));
      const runs = await runAll({ ...client, workers }, plan);
      say();
      say(`${count} ${count === 1 ? 'worker' : 'workers'}`);
      for (const line of runTable(runs)) say(line);
    }
    await client.stop();
  } finally {
    await vault.close();
  }
};

const startWorker = async (vault: TestVault, number: number): Promise<number> => {
  const name = `command-worker-${number}`;
  const { services } = await vault.start(name, 'command-worker');
  return services.get(name)?.pid ?? 0;
};

const runAll = async (entrant: Entrant, plan: Plan): Promise<readonly Run[]> => {
  await warmUp(entrant, plan);
  const runs: Run[] = [];
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const inflight of IN_FLIGHT) runs.push(await runOnce(entrant, inflight, plan, () => undefined));
  }
  return medians([runs]);
};
