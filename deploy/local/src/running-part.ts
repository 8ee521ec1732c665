import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';
import { lastLines, rotateLog } from './log-files.ts';
import type { Part, Placement, PreparedPart } from './part.ts';

/** One instance of a part as a process of this machine, with the operations of a fault test. */
export type RunningPart = {
  readonly name: Part['name'];
  /** For messages: `Kafka 4.1.1`. */
  readonly title: string;
  /** Address for clients: brokers or a base URL. Unchanged by a restart. */
  readonly address: string;
  readonly port: number;
  readonly dataDir: string;
  readonly logFile: string;
  /** Whether it answers now. */
  isReady(): Promise<boolean>;
  /** Resolves with the reason when the present process ends; at once while it is not running. */
  ended(): Promise<string>;
  /** Process id; undefined while it is not running. */
  pid(): number | undefined;
  /** Starts it again on the same data and port, and waits until it serves requests. */
  start(): Promise<void>;
  /** Sends a signal, default SIGKILL, and waits until the process has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: its port stays open, but it does not answer. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Stops it in order; its data stay. */
  stop(): Promise<void>;
};

const readyWithinMs = 90_000;

/** Starts a part and waits until it serves requests. @throws with the last lines of its log if it ends before that */
export async function runPart(
  part: Part,
  prepared: PreparedPart,
  at: Placement,
  logFile: string,
): Promise<RunningPart> {
  let child: Child | undefined;
  const start = async () => {
    if (child) throw new Error(`${part.title} is already running`);
    await formatOnce(prepared, at, logFile);
    const started = await startChild(await prepared.program(at), logFile);
    child = started;
    started.ended.then(() => {
      if (child === started) child = undefined;
    });
    await becomesReady(part, at.port, started, logFile);
  };
  await rotateLog(logFile);
  await start();
  return {
    name: part.name,
    title: part.title,
    address: part.address(at.port),
    port: at.port,
    dataDir: at.dataDir,
    logFile,
    isReady: () => part.isReady(at.port),
    ended: () => child?.ended ?? Promise.resolve('not running'),
    pid: () => child?.pid,
    start,
    kill: async (signal = 'SIGKILL') => {
      child?.signal(signal);
      await child?.ended;
    },
    pause: () => child?.signal('SIGSTOP'),
    resume: () => child?.signal('SIGCONT'),
    stop: async () => child?.stop(),
  };
}

/** The marker file is written last: an interrupted format runs again. */
async function formatOnce(prepared: PreparedPart, at: Placement, logFile: string): Promise<void> {
  const marker = join(at.dataDir, '.formatted');
  await mkdir(at.dataDir, { recursive: true });
  if (!prepared.format || existsSync(marker)) return;
  const child = await startChild(await prepared.format(at), logFile);
  const ended = await child.ended;
  if (ended !== 'exit code 0') throw new Error(`formatting failed (${ended})\n${await lastLines(logFile)}`);
  await writeFile(marker, '');
}

async function becomesReady(part: Part, port: number, child: Child, logFile: string): Promise<void> {
  let ended: string | undefined;
  child.ended.then((how) => {
    ended = how;
  });
  const limit = performance.now() + readyWithinMs;
  while (!(await part.isReady(port))) {
    if (ended !== undefined) throw new Error(`${part.title} ended early (${ended})\n${await lastLines(logFile)}`);
    if (performance.now() > limit) {
      await child.stop();
      throw new Error(`${part.title} does not answer after ${readyWithinMs / 1000} s\n${await lastLines(logFile)}`);
    }
    await sleep(100);
  }
  if (ended !== undefined) throw new Error(`${part.title} ended early (${ended})\n${await lastLines(logFile)}`);
}
