import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endGroups, signalGroup } from './process-groups.ts';
import { forgetChild, watchChild } from './watchdog.ts';

/** A command line with its folder and environment. */
export type Program = {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added to the environment of the present process. */
  readonly env?: Readonly<Record<string, string>>;
};

/** A running program in its own process group. The watchdog ends it when this process ends. */
export type Child = {
  readonly pid: number;
  /** Resolves with the reason: `exit code 1`, `SIGKILL`. Never rejects. */
  readonly ended: Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, then SIGKILL after `graceMs`; resolves when the whole group has ended. */
  stop(graceMs?: number): Promise<void>;
};

const live = new Set<Child>();
let closed = false;

/** Ends all children and refuses to start further ones: for a process that is interrupted while it starts. */
export async function endAllChildren(): Promise<void> {
  closed = true;
  await Promise.all([...live].map((child) => child.stop()));
}

/**
 * Starts a program with its output appended to a file.
 *
 * @throws when the program cannot be started
 */
export async function startChild(program: Program, logFile: string): Promise<Child> {
  if (closed) throw new Error('this process is ending');
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(program.command, [...program.args], {
    cwd: program.cwd,
    env: { ...process.env, ...program.env },
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const pid = await spawned(child);
  watchChild(pid);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      signalGroup(pid, 'SIGKILL'); // processes that the group's leader left behind
      forgetChild(pid);
      live.delete(running);
      resolve(signal ?? `exit code ${code}`);
    });
  });
  const running: Child = {
    pid,
    ended,
    signal: (signal) => signalGroup(pid, signal),
    stop: async (graceMs = 10_000) => {
      if (child.exitCode === null && child.signalCode === null) await endGroups([pid], { graceMs, sleep });
      await ended;
    },
  };
  live.add(running);
  return running;
}

function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => (child.pid === undefined ? reject(new Error('no process id')) : resolve(child.pid)));
  });
}
