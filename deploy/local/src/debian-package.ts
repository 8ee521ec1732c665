import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lock } from './file-lock.ts';
import { type Log, withProgress } from './progress.ts';

/**
 * Installs a Debian package where that is allowed (root, apt-get).
 *
 * @returns whether it is installed now
 */
export async function installDebianPackage(name: string, cacheDir: string, log: Log): Promise<boolean> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false;
  const held = await lock(`${cacheDir}/apt.lock`, (pid) => log(`apt: process ${pid} is installing, waiting`));
  try {
    return await withProgress(log, `${name}: installing Debian's package`, async () => {
      if (await install(name)) return true;
      return (await apt('update')) && (await install(name));
    });
  } finally {
    await held.release();
  }
}

async function install(name: string): Promise<boolean> {
  const installed = await apt('install', '--no-install-recommends', name);
  if (installed) await stopItsService(name);
  return installed;
}

/**
 * Not under the watchdog: a package manager that is killed half-way leaves the whole system in need of repair.
 * RUNLEVEL=1 keeps invoke-rc.d(8) from starting the package's service.
 */
function apt(...args: readonly string[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = ['-y', '-q', '-o', 'DPkg::Lock::Timeout=300'];
  return ends(spawn('apt-get', [...options, ...args], { env, stdio: 'ignore', detached: true }));
}

/** We start what we need ourselves: systemd's unit of the same name goes on only if it did before. */
async function stopItsService(name: string): Promise<void> {
  if (!existsSync('/run/systemd/system')) return;
  await ends(spawn('systemctl', ['disable', '--now', name], { stdio: 'ignore' }));
}

function ends(child: ReturnType<typeof spawn>): Promise<boolean> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
