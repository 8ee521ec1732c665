import { mkdtemp, writeFile } from 'node:fs/promises';
import { arch, cpus, platform, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { endAllChildren, endSignal, ensureParts, partEnvironment, partNames, removeAtEnd } from '@vault-engine/local';
import { type BenchArguments, readArguments } from './arguments.ts';
import { compare, type Plan } from './compare.ts';
import { compareWorkers } from './compare-workers.ts';
import { hasGateway } from './entrants.ts';
import { measureFloor } from './floor-suite.ts';
import { openBenchVault } from './open-bench-vault.ts';
import { profileScheduler } from './profile-scheduler.ts';
import { profileWorker } from './profile-worker.ts';
import { FULL_REFRESH, measureRefresh, QUICK_REFRESH } from './refresh-suite.ts';
import { judge, medians, type Run } from './report.ts';
import { FULL_STATE, measureState, QUICK_STATE } from './state-suite.ts';
import { runTable, verdictTable } from './table.ts';
import { USERS } from './users.ts';

/**
 * `npm run bench`: the vault beside a bare echo and NestJS's, on the same broker, each in processes of its own; or, as
 * other suites, what `GetToken` costs at least, how fast the state topic shows a change and what a view of it costs, and what renewal costs. Ends with
 * 0 whatever the figures are: they say what the machine had left as much as what the vault does.
 */
const IN_FLIGHT = [1, 16, 64, 256, 1_024];
const FULL: Plan = { rounds: 3, inflight: IN_FLIGHT, firstWarmUpMs: 8_000, warmUpMs: 500, measureMs: 2_000 };
const QUICK: Plan = { rounds: 1, inflight: IN_FLIGHT, firstWarmUpMs: 1_500, warmUpMs: 200, measureMs: 600 };

const say = (line = ''): void => console.log(line);
const end = endSignal();
end.addEventListener('abort', async () => {
  await endAllChildren();
  process.exit(130);
});

const main = async (args: readonly string[]): Promise<void> => {
  const wanted = readArguments(args);
  const parts = await provideParts();
  try {
    const plan = wanted.quick ? QUICK : FULL;
    if (wanted.suite === 'state') await stateSuite(wanted);
    else if (wanted.suite === 'floor') await writeJson(wanted.json, await measureFloor(plan, say));
    else if (wanted.suite === 'refresh') await refreshSuite(wanted);
    else if (wanted.profile) await profileWorker(plan, say);
    else if (wanted.workers.length > 0) await compareWorkers(wanted.workers, plan, say);
    else await compareAll(plan, wanted);
  } finally {
    await parts.stop();
  }
};

const provideParts = async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'vault-engine-bench-'));
  removeAtEnd(dataDir);
  const parts = await ensureParts({ names: partNames, dataDir, ports: 'free', log: (line) => say(`parts · ${line}`) });
  Object.assign(process.env, partEnvironment(parts.addresses));
  return parts;
};

const compareAll = async (plan: Plan, { users, json }: BenchArguments): Promise<void> => {
  if (!hasGateway()) say('gateway: skipped, for there is no services/gateway/src/main.ts');
  const vault = await openBenchVault(['command-worker', ...(hasGateway() ? ['gateway'] : [])]);
  try {
    const rounds = await compare(vault, plan, users ?? USERS, tellRun);
    const runs = medians(rounds);
    say();
    for (const line of runTable(runs)) say(line);
    for (const line of verdictTable(judge(rounds))) say(line);
    await writeJson(json, { runs });
  } finally {
    await vault.close();
  }
};

const stateSuite = async ({ quick, users, json }: BenchArguments): Promise<void> => {
  const plan = quick ? QUICK_STATE : FULL_STATE;
  await writeJson(json, await measureState({ ...plan, users: users ?? plan.users }, say));
};

const refreshSuite = async ({ quick, profile, json }: BenchArguments): Promise<void> => {
  if (profile) await profileScheduler(say);
  else await writeJson(json, await measureRefresh(quick ? QUICK_REFRESH : FULL_REFRESH, say));
};

const writeJson = async (file: string | null, figures: object): Promise<void> => {
  if (file !== null) await writeFile(resolve(file), `${JSON.stringify({ machine: machine(), ...figures }, null, 2)}\n`);
};

const tellRun = (round: number, { name, inflight, p50_ms, per_second }: Run): void =>
  say(`round ${round} · ${name} at ${inflight}: p50 ${p50_ms.toFixed(2)} ms, ${per_second.toFixed(0)}/s`);

const machine = (): string => {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} × ${processors[0]?.model ?? 'unknown'}, ${memory} GiB, ${platform()} ${arch()}, Node ${process.versions.node}`;
};

await main(process.argv.slice(2));
process.exit();
