import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, lastLines, startChild } from './child.ts';
import { compileCache, root } from './root.ts';
import { answersHttp } from './socket-exchange.ts';

export type ServiceOptions = {
  readonly name: string;
  /** From the root of the repository: `services/gateway/src/main.ts`. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** Added to the environment of the present process. */
  readonly env: Readonly<Record<string, string>>;
  /** Its `/readyz`: returns 2xx when it is ready. */
  readonly ready: string;
  /** Folder of its log file `<name>.log`, which is truncated at start. */
  readonly logDir: string;
  /** Called with a message if it ends by itself after it was ready. */
  readonly onCrash: (what: string) => void;
  readonly readyWithinMs?: number;
};

export type RunningService = {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Sends SIGTERM for an orderly shutdown, then SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
};

/**
 * Runs a service in a process of its own and waits until it is ready.
 *
 * @throws with the last lines of its log if it ends before that or is not ready in time
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const logFile = join(options.logDir, `${options.name}.log`);
  await rm(logFile, { force: true });
  const entry = join(root, options.entry);
  const args = ['--enable-source-maps', entry, ...(options.args ?? [])];
  const env = { NODE_COMPILE_CACHE: compileCache, ...options.env };
  const child = await startChild({ command: process.execPath, args, cwd: root, env }, logFile);
  let expected = false;
  await becomesReady(options, child, logFile);
  child.ended.then(async (how) => {
    if (!expected) options.onCrash(`${options.name} ended (${how})\n${await lastLines(logFile)}`);
  });
  return {
    name: options.name,
    pid: child.pid,
    logFile,
    kill: async (signal) => {
      expected = true;
      child.signal(signal);
      await child.ended;
    },
    stop: (graceMs) => {
      expected = true;
      return child.stop(graceMs);
    },
  };
}

async function becomesReady(options: ServiceOptions, child: Child, logFile: string): Promise<void> {
  const withinMs = options.readyWithinMs ?? 60_000;
  const limit = performance.now() + withinMs;
  const ended = { how: undefined as string | undefined };
  child.ended.then((how) => {
    ended.how = how;
  });
  for (;;) {
    if (ended.how !== undefined)
      throw new Error(`${options.name} ended early (${ended.how})\n${await lastLines(logFile)}`);
    if (await answersHttp(options.ready)) return;
    if (performance.now() > limit) {
      await child.stop();
      throw new Error(`${options.name} is not ready after ${withinMs / 1000} s\n${await lastLines(logFile)}`);
    }
    await sleep(100);
  }
}
