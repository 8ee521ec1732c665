import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '@vault-engine/local';
import { openStormPlace } from './open-storm-place.ts';
import { measureStorm, type StormPlan } from './refresh-storm.ts';
import { type CpuProfile, summarise } from './summarise-profile.ts';

/** All due at once, and hardly anybody asking. */
const STORM: StormPlan = { connections: 6_000, withinMs: 1, calmMs: 1_000, asksPerSecond: 1 };

/** A storm with a scheduler that records itself by V8's sampler: where its time goes, in shares and in µs a refresh. */
export const profileScheduler = async (say: (line?: string) => void): Promise<void> => {
  const folder = join(root, '.local', 'profiles', new Date().toISOString().replaceAll(':', '-'));
  await mkdir(folder, { recursive: true });
  const { open, startScheduler, close } = await openStormPlace();
  const storm = async () => {
    try {
      const options = `--cpu-prof --cpu-prof-interval 200 --cpu-prof-dir ${folder}`;
      const schedulers = [await startScheduler({ NODE_OPTIONS: options })];
      return await measureStorm({ ...open, schedulers, name: 'profiled' }, STORM);
    } finally {
      await close();
    }
  };
  const { window, per_second: perSecond, scheduler_cpu_us: cpuUs } = await storm();
  const [file = ''] = await readdir(folder);
  const path = join(folder, file);
  const profile = JSON.parse(await readFile(path, 'utf8')) as CpuProfile; // written by V8
  for (const line of summarise(profile, { window, perSecond, root })) say(line);
  say(`\n${perSecond.toFixed(0)} refreshes a second, ${cpuUs.toFixed(0)} µs of CPU each; the whole profile: ${path}`);
};
