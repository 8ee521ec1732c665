import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lock } from './file-lock.ts';
import { type Log, withProgress } from './progress.ts';

/**
 * Returns the folder `name` of the cache and fills it if it does not exist. `fill` works in a temporary folder that is renamed when
 * complete, so that a killed download leaves no partial folder; a lock prevents two processes from fetching the same.
 */
export async function cached(
  cacheDir: string,
  name: string,
  log: Log,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheDir, name);
  if (existsSync(folder)) return folder;
  const held = await lock(`${folder}.lock`, (pid) =>
    log(`${name}: waiting for process ${pid}, which is downloading it`),
  );
  try {
    if (!existsSync(folder))
      await withProgress(log, `${name}: downloading`, () => fillAtomically(cacheDir, name, fill));
    return folder;
  } finally {
    await held.release();
  }
}

async function fillAtomically(cacheDir: string, name: string, fill: (folder: string) => Promise<void>): Promise<void> {
  await removePartialFolders(cacheDir, name);
  const partial = await mkdtemp(join(cacheDir, `${name}.partial-`));
  await fill(partial);
  await rename(partial, join(cacheDir, name));
}

/** Called under the lock: the owner of any partial folder was killed. */
async function removePartialFolders(cacheDir: string, name: string): Promise<void> {
  for (const entry of await readdir(cacheDir)) {
    if (entry.startsWith(`${name}.partial-`)) await rm(join(cacheDir, entry), { recursive: true, force: true });
  }
}
