import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lock } from './file-lock.ts';
import { type Log, withProgress } from './progress.ts';

/**
 * The folder `name` of the cache, filled once. `fill` works in a folder beside it that is renamed when it is whole, so that a killed
 * download leaves nothing half; a lock keeps two processes from fetching the same.
 */
export async function cached(
  cacheDir: string,
  name: string,
  log: Log,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheDir, name);
  if (existsSync(folder)) return folder;
  const held = await lock(`${folder}.lock`, (pid) => log(`${name}: process ${pid} is fetching it, waiting`));
  try {
    if (!existsSync(folder)) await withProgress(log, `${name}: fetching`, () => fillWhole(cacheDir, name, fill));
    return folder;
  } finally {
    await held.release();
  }
}

async function fillWhole(cacheDir: string, name: string, fill: (folder: string) => Promise<void>): Promise<void> {
  await removeLeftOvers(cacheDir, name);
  const partial = await mkdtemp(join(cacheDir, `${name}.partial-`));
  await fill(partial);
  await rename(partial, join(cacheDir, name));
}

/** Called under the lock: whatever partial folder there is, its owner was killed. */
async function removeLeftOvers(cacheDir: string, name: string): Promise<void> {
  for (const entry of await readdir(cacheDir)) {
    if (entry.startsWith(`${name}.partial-`)) await rm(join(cacheDir, entry), { recursive: true, force: true });
  }
}
