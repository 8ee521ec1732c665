import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '@vault-engine/local';
import { type Plan, runOnce, warmUp } from './compare.ts';
import { startVaultClient } from './entrants.ts';
import { openBenchVault } from './open-bench-vault.ts';
import { type CpuProfile, summarise } from './summarise-profile.ts';

const IN_FLIGHT = 256;

/**
 * Runs `get_token` against a worker that records itself by V8's sampler (`--cpu-prof`): no inspector is opened, so the
 * worker runs hardened as ever. Says where its time goes, in shares of what is not idle; the profile itself opens in any browser's tools, as flames.
 */
export const profileWorker = async (plan: Plan, say: (line?: string) => void): Promise<void> => {
  const folder = join(root, '.local', 'profiles', new Date().toISOString().replaceAll(':', '-'));
  await mkdir(folder, { recursive: true });
  const options = `--cpu-prof --cpu-prof-interval 200 --cpu-prof-dir ${folder}`;
  const vault = await openBenchVault(['command-worker'], { NODE_OPTIONS: options });
  let window = { from: 0, to: 0 };
  let perSecond = 0;
  try {
    const entrant = await startVaultClient(vault, 'get_token');
    await warmUp(entrant, plan);
    const from = monotonicUs();
    const run = await runOnce(
      entrant,
      IN_FLIGHT,
      { ...plan, warmUpMs: 0, measureMs: 2 * plan.measureMs },
      () => undefined,
    );
    window = { from, to: monotonicUs() };
    perSecond = run.per_second;
    await entrant.stop();
  } finally {
    await vault.close();
  }
  const [file = ''] = await readdir(folder);
  const path = join(folder, file);
  const profile = JSON.parse(await readFile(path, 'utf8')) as CpuProfile; // written by V8
  for (const line of summarise(profile, { window, perSecond, root })) say(line);
  say(`\nget_token, ${IN_FLIGHT} in flight, ${perSecond.toFixed(0)}/s; the whole profile: ${path}`);
};

/** The clock of V8's profiles: CLOCK_MONOTONIC, one for all processes of the machine. */
export const monotonicUs = (): number => Number(process.hrtime.bigint() / 1_000n);
