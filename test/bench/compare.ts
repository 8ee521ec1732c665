import type { TestVault } from '../flow/open-vault.ts';
import { type Entrant, hasGateway, startEcho, startGatewayClient, startVaultClient } from './entrants.ts';
import type { Run } from './report.ts';

/** How long and how often is measured. */
export interface Plan {
  readonly rounds: number;
  readonly inflight: readonly number[];
  /** Once for each process, until its code is compiled. */
  readonly firstWarmUpMs: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Told of each figure as it comes. */
export type OnRun = (round: number, run: Run) => void;

/**
 * Measures all of them, in each round at each number in flight one right after the other, so that what else the machine
 * does falls on all alike. NestJS's processes exist in their part of the round only: kafkajs's idle timers, which NestJS
 * leaves as they are, would slow the others down.
 */
export const compare = async (
  vault: TestVault,
  plan: Plan,
  users: number,
  onRun: OnRun,
): Promise<readonly (readonly Run[])[]> => {
  const entrants = [
    await startEcho(vault, 'echo'),
    await startVaultClient(vault, 'get_token', users),
    await startVaultClient(vault, 'store_token', users),
    ...(hasGateway() ? [await startGatewayClient(vault)] : []),
  ];
  try {
    for (const entrant of entrants) await warmUp(entrant, plan);
    const rounds: Run[][] = [];
    for (let round = 1; round <= plan.rounds; round += 1) {
      const tell = (run: Run) => onRun(round, run);
      const runs: Run[] = [];
      for (const inflight of plan.inflight) {
        for (const entrant of entrants) runs.push(await runOnce(entrant, inflight, plan, tell));
      }
      rounds.push([...runs, ...(await nestRound(vault, plan, tell))]);
    }
    return rounds;
  } finally {
    for (const entrant of entrants.toReversed()) await entrant.stop();
  }
};

const nestRound = async (vault: TestVault, plan: Plan, tell: (run: Run) => void): Promise<readonly Run[]> => {
  const nest = await startEcho(vault, 'nest');
  try {
    await warmUp(nest, plan);
    const runs: Run[] = [];
    for (const inflight of plan.inflight) runs.push(await runOnce(nest, inflight, plan, tell));
    return runs;
  } finally {
    await nest.stop();
  }
};

const WARM_UP_INFLIGHT = 64;

export const warmUp = async ({ client, workers }: Entrant, { firstWarmUpMs }: Plan): Promise<void> => {
  await client.run({ inflight: WARM_UP_INFLIGHT, warmUpMs: firstWarmUpMs, measureMs: 1, workers });
};

export const runOnce = async (
  { name, client, workers }: Entrant,
  inflight: number,
  { warmUpMs, measureMs }: Plan,
  tell: (run: Run) => void,
): Promise<Run> => {
  const measured = await client.run({ inflight, warmUpMs, measureMs, workers });
  const run: Run = {
    name,
    inflight,
    p50_ms: measured.p50Ms,
    p99_ms: measured.p99Ms,
    per_second: measured.perSecond,
    worker_cpu_us: measured.workerCpuUs,
    client_cpu_us: measured.clientCpuUs,
  };
  tell(run);
  return run;
};
