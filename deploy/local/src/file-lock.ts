import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The holder touches its lock regularly. An untouched lock, or one whose process has ended, is left over from a crash. */
const staleAfterMs = 20_000;

export type FileLock = { release(): Promise<void> };

/** Takes the lock, or returns the process id of its holder. */
export async function tryLock(path: string): Promise<{ ok: true; lock: FileLock } | { ok: false; holder: number }> {
  await mkdir(dirname(path), { recursive: true });
  const content = `${process.pid} ${randomUUID()}`;
  for (;;) {
    if (await createExclusively(path, content)) return { ok: true, lock: keepFresh(path) };
    const holder = await liveHolder(path);
    if (holder !== undefined) return { ok: false, holder };
    await rm(path, { force: true });
  }
}

/** Waits for the lock; `onWait` is called once with the process id of the holder. */
export async function lock(path: string, onWait: (holder: number) => void): Promise<FileLock> {
  for (let waited = false; ; waited = true) {
    const attempt = await tryLock(path);
    if (attempt.ok) return attempt.lock;
    if (!waited) onWait(attempt.holder);
    await sleep(200);
  }
}

async function createExclusively(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function liveHolder(path: string): Promise<number | undefined> {
  const [content, facts] = await Promise.all([readFile(path, 'utf8'), stat(path)]).catch(
    () => ['', undefined] as const,
  );
  const pid = Number.parseInt(content, 10);
  const fresh = facts !== undefined && Date.now() - facts.mtimeMs < staleAfterMs;
  // A file without a number is being written by its owner.
  if (fresh && Number.isNaN(pid)) return 0;
  return fresh && lives(pid) ? pid : undefined;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function keepFresh(path: string): FileLock {
  const timer = setInterval(() => void touch(path), staleAfterMs / 10);
  timer.unref();
  return {
    release: async () => {
      clearInterval(timer);
      await rm(path, { force: true });
    },
  };
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
