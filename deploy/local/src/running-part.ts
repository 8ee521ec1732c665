import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';
import { lastLines } from './last-lines.ts';
import type { Part, Placement, PreparedPart } from './part.ts';

/** One instance of a part as a process of this machine, which a test may treat as badly as it likes. */
export type RunningPart = {
  readonly name: Part['name'];
  /** What its clients are given: brokers, a base URL. The same after every start. */
  readonly address: string;
  readonly port: number;
  readonly dataDir: string;
  readonly logFile: string;
  /** Of the present process; undefined while there is none. */
  pid(): number | undefined;
  /** Starts it again on the same data and port, and waits until it serves. */
  start(): Promise<void>;
  /** Ends it without a word of warning, SIGKILL unless told otherwise, and waits until it has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: its port stays open and nobody answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Lets it end in order; its data stay. */
  stop(): Promise<void>;
};

const readyWithinMs = 90_000;

/** Starts a part at its place and waits until it serves. @throws with the last lines of its log when it ends before that */
export async function runPart(
  part: Part,
  prepared: PreparedPart,
  at: Placement,
  logFile: string,
): Promise<RunningPart> {
  let child: Child | undefined;
  const start = async () => {
    if (child) throw new Error(`${part.title} runs already`);
    await formatOnce(prepared, at, logFile);
    const started = await startChild(await prepared.program(at), logFile);
    child = started;
    started.ended.then(() => {
      if (child === started) child = undefined;
    });
    await becomesReady(part, at.port, started, logFile);
  };
  await start();
  return {
    name: part.name,
    address: part.address(at.port),
    port: at.port,
    dataDir: at.dataDir,
    logFile,
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

/** The mark is written last: a format that was interrupted runs again. */
async function formatOnce(prepared: PreparedPart, at: Placement, logFile: string): Promise<void> {
  const mark = join(at.dataDir, '.formatted');
  await mkdir(at.dataDir, { recursive: true });
  if (!prepared.format || existsSync(mark)) return;
  const child = await startChild(await prepared.format(at), logFile);
  const ended = await child.ended;
  if (ended !== 'exit code 0') throw new Error(`formatting failed (${ended})\n${await lastLines(logFile)}`);
  await writeFile(mark, '');
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
      throw new Error(`${part.title} does not serve after ${readyWithinMs / 1000} s\n${await lastLines(logFile)}`);
    }
    await sleep(100);
  }
  if (ended !== undefined) throw new Error(`${part.title} ended early (${ended})\n${await lastLines(logFile)}`);
}
