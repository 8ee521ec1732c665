import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Load, Measured } from './load.ts';
import type { FromClient, ToClient } from './serve-load.ts';

/** A worker or client of the bench in a process of its own. */
export interface BenchProcess {
  readonly pid: number;
  /** Rejects where a request fails, or the process ends. */
  readonly run: (load: Load) => Promise<Measured>;
  readonly stop: () => Promise<void>;
}

/** Starts `file` of this folder with one argument, a JSON text, and resolves when it is ready. */
export const startProcess = async (file: string, argument: unknown): Promise<BenchProcess> => {
  const entry = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(entry, [JSON.stringify(argument)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // kafkajs's own, on Node 24, where nothing repairs it: in NestJS.
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
  });
  await next(child, file, 'ready');
  return {
    pid: child.pid ?? 0,
    run: async (load) => {
      const answer = next(child, file, 'measured');
      tell(child, { kind: 'load', load });
      return (await answer).measured;
    },
    stop: () => stop(child),
  };
};

const tell = (child: ChildProcess, message: ToClient): void => {
  child.send(message);
};

/** The next message of the child, which has to be of this kind. */
const next = <Kind extends FromClient['kind']>(
  child: ChildProcess,
  file: string,
  kind: Kind,
): Promise<Extract<FromClient, { kind: Kind }>> =>
  new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      end();
    };
    const onMessage = (message: FromClient) =>
      settle(() => {
        if (message.kind === kind)
          resolve(message as Extract<FromClient, { kind: Kind }>); // compared just now
        else
          reject(new Error(message.kind === 'failed' ? `${file}: ${message.error}` : `${file} said ${message.kind}`));
      });
    const onExit = (code: number | null) => settle(() => reject(new Error(`${file} ended with ${code}`)));
    child.on('message', onMessage);
    child.on('exit', onExit);
  });

const STOP_MS = 5_000;

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  tell(child, { kind: 'stop' });
  await ended;
  clearTimeout(timer);
};
