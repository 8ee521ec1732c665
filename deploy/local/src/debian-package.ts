import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { LocalConfig } from './config.ts';
import { lock } from './file-lock.ts';
import { type Log, withProgress } from './progress.ts';
import type { ToolContext } from './tools.ts';

/** The context in which parts are prepared on this machine. */
export function toolContext({ cacheDir, environment }: LocalConfig, log: Log): ToolContext {
  return { cacheDir, environment, log, installPackage: (name) => installDebianPackage(name, cacheDir, log) };
}

/**
 * Installs a Debian package if this process is root and apt-get exists.
 *
 * @returns whether it is installed
 */
async function installDebianPackage(name: string, cacheDir: string, log: Log): Promise<boolean> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false;
  const held = await lock(`${cacheDir}/apt.lock`, (pid) => log(`apt: waiting for process ${pid}`));
  try {
    return await withProgress(log, `${name}: installing the Debian package`, async () => {
      if (await install(name)) return true;
      return (await apt('update')) && (await install(name));
    });
  } finally {
    await held.release();
  }
}

async function install(name: string): Promise<boolean> {
  const installed = await apt('install', '--no-install-recommends', name);
  if (installed) await disableService(name);
  return installed;
}

/**
 * Not under the watchdog: killing a package manager half-way leaves the system in need of repair.
 * RUNLEVEL=1 keeps invoke-rc.d(8) from starting the package's service.
 */
function apt(...args: readonly string[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = ['-y', '-q', '-o', 'DPkg::Lock::Timeout=300'];
  return ends(spawn('apt-get', [...options, ...args], { env, stdio: 'ignore', detached: true }));
}

/** The package's own service is not needed: its systemd unit is disabled and stopped. */
async function disableService(name: string): Promise<void> {
  if (!existsSync('/run/systemd/system')) return;
  await ends(spawn('systemctl', ['disable', '--now', name], { stdio: 'ignore' }));
}

function ends(child: ReturnType<typeof spawn>): Promise<boolean> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
