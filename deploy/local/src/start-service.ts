import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';
import { lastLines } from './last-lines.ts';
import { compileCache, root } from './root.ts';
import { answersHttp } from './socket-exchange.ts';

export type ServiceOptions = {
  readonly name: string;
  /** From the root of the repository: `services/gateway/src/main.ts`. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** Added to the environment of the present process. */
  readonly env: Readonly<Record<string, string>>;
  /** Answers below 400 when it is ready: its `/readyz`. */
  readonly ready: string;
  /** Its output goes to `<logDir>/<name>.log`, which begins anew. */
  readonly logDir: string;
  /** Called when it ends after it was ready and nobody stopped it, with what to tell. */
  readonly onCrash: (what: string) => void;
  readonly readyWithinMs?: number;
};

export type RunningService = {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** SIGTERM, so that it gives its work back; SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
};

/**
 * Runs a service in a process of its own and waits until it is ready.
 *
 * @throws with the last lines of its log when it ends before that, or takes too long
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
