import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * One watchdog process for each process that starts others. The pipe to it is the signal: the kernel closes it however this
 * process ends, so that nothing started here outlives it.
 */
let watchdog: ChildProcess | undefined;

/** Ends this process group when the present process ends. */
export function watchChild(pid: number): void {
  tell(`child ${pid}`);
}

/** The group has ended; its number may be another's soon. */
export function forgetChild(pid: number): void {
  tell(`gone ${pid}`);
}

/** Removes this folder when the present process ends. */
export function removeAtEnd(path: string): void {
  tell(`remove ${path}`);
}

/** Runs a command when the present process ends, unless the returned function was called. */
export function runAtEnd(cwd: string, command: readonly string[]): () => void {
  const encoded = JSON.stringify([cwd, ...command]);
  tell(`command ${encoded}`);
  return () => tell(`done ${encoded}`);
}

function tell(line: string): void {
  watchdog ??= startWatchdog();
  watchdog.stdin?.write(`${line}\n`);
}

function startWatchdog(): ChildProcess {
  const entry = fileURLToPath(new URL('./watchdog-process.ts', import.meta.url));
  const child = spawn(process.execPath, [entry], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.unref();
  // Neither the watchdog nor its pipe keeps the owner alive.
  if (child.stdin && 'unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  child.on('error', () => undefined);
  child.stdin?.on('error', () => undefined);
  return child;
}
