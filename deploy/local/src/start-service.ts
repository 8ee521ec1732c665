import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';
import { lastLines, rotateLog } from './log-files.ts';
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
  /** Folder of its log file `<name>.log`. Logs of earlier starts are kept as `<name>.log.1` and so on. */
  readonly logDir: string;
  /** Called with a message if it ends by itself after it was ready. */
  readonly onCrash: (what: string) => void;
  readonly readyWithinMs?: number;
};

export type RunningService = {
  readonly name: string;
  /** Of the present process. */
  readonly pid: number;
  readonly logFile: string;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Sends SIGTERM for an orderly shutdown, then SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** Resolves with the reason when the present process ends. */
  ended(): Promise<string>;
  /** Starts a service that has ended by itself again, with the same log, and waits until it is ready. */
  restart(): Promise<void>;
};

/**
 * Runs a service in a process of its own and waits until it is ready.
 *
 * @throws with the last lines of its log if it ends before that or is not ready in time
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const logFile = join(options.logDir, `${options.name}.log`);
  await rotateLog(logFile);
  let expected = false;
  const start = async (): Promise<Child> => {
    const started = await startProcess(options, logFile);
    await becomesReady(options, started, logFile);
    started.ended.then(async (how) => {
      if (!expected) options.onCrash(`${options.name} ended (${how})\n${await lastLines(logFile)}`);
    });
    return started;
  };
  let child = await start();
  return {
    name: options.name,
    get pid() {
      return child.pid;
    },
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
    ended: () => child.ended,
    restart: async () => {
      child = await start();
    },
  };
}

function startProcess({ entry, args = [], env }: ServiceOptions, logFile: string): Promise<Child> {
  return startChild(
    {
      command: process.execPath,
      args: ['--enable-source-maps', join(root, entry), ...args],
      cwd: root,
      env: { NODE_COMPILE_CACHE: compileCache, ...env },
    },
    logFile,
  );
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
