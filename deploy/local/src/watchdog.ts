import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * One watchdog process per process that starts others. The kernel closes the pipe to the watchdog however this process ends, so
 * that no child outlives it.
 */
let watchdog: ChildProcess | undefined;

/** Ends the process group when this process ends. */
export function watchChild(pid: number): void {
  send(`child ${pid}`);
}

/** The group has ended; its id may be reused. */
export function forgetChild(pid: number): void {
  send(`gone ${pid}`);
}

/** Removes the folder when this process ends. */
export function removeAtEnd(path: string): void {
  send(`remove ${path}`);
}

/** Runs a command when this process ends, unless the returned function was called before. */
export function runAtEnd(cwd: string, command: readonly string[]): () => void {
  const encoded = JSON.stringify([cwd, ...command]);
  send(`command ${encoded}`);
  return () => send(`done ${encoded}`);
}

function send(line: string): void {
  watchdog ??= startWatchdog();
  watchdog.stdin?.write(`${line}\n`);
}

function startWatchdog(): ChildProcess {
  const entry = fileURLToPath(new URL('./watchdog-process.ts', import.meta.url));
  const child = spawn(process.execPath, [entry], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.unref();
  // Neither the watchdog nor its pipe must keep the owner alive.
  if (child.stdin && 'unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  child.on('error', () => undefined);
  child.stdin?.on('error', () => undefined);
  return child;
}
