import { untilAborted } from './end-signal.ts';
import { boundLog, lastLines } from './log-files.ts';
import type { Log } from './progress.ts';

/** A part or service that is kept running. */
export type Supervised = {
  readonly title: string;
  readonly logFile: string;
  /** Null: it works; else the problem in a few words. */
  problem(): Promise<string | null>;
  /** Resolves with the reason when its present process ends. */
  ended(): Promise<string>;
  /** Starts it again and waits until it is ready. */
  restart(): Promise<void>;
};

export type SuperviseOptions = {
  readonly log: Log;
  /** Called once, with a text for the terminal, if something cannot be kept running. */
  readonly onGiveUp: (what: string) => void;
  /** Ends the supervision. */
  readonly stopping: AbortSignal;
  /** Restarts within `windowMs` before everything is given up. Defaults: 3 within a minute. */
  readonly maxRestarts?: number;
  readonly windowMs?: number;
  /** Time between two looks at each part; default 2 s. */
  readonly pollMs?: number;
};

/**
 * Restarts whatever ends by itself, a bounded number of times, and logs one line for every end, restart and change of state. Parts
 * and services are treated alike.
 */
export function supervise(all: readonly Supervised[], options: SuperviseOptions): void {
  for (const one of all) {
    const state: State = { restarting: false };
    keepRunning(one, state, options).catch((error) => options.onGiveUp(`${one.title}: ${messageOf(error)}`));
    reportState(one, state, options).catch((error) => options.onGiveUp(`${one.title}: ${messageOf(error)}`));
  }
}

type State = { restarting: boolean };

async function keepRunning(
  one: Supervised,
  state: State,
  { log, onGiveUp, stopping, maxRestarts = 3, windowMs = 60_000 }: SuperviseOptions,
): Promise<void> {
  const ends: number[] = [];
  const stopped = untilAborted(stopping);
  for (;;) {
    const how = await Promise.race([one.ended(), stopped]);
    if (stopping.aborted || how === undefined) return;
    ends.push(performance.now());
    const recent = ends.filter((at) => performance.now() - at < windowMs).length;
    if (recent > maxRestarts)
      return onGiveUp(
        `✗ ${one.title} ended (${how}) ${recent} times in ${windowMs / 1_000} s\n${await lastLines(one.logFile)}`,
      );
    log(`✗ ${one.title} ended (${how}); restarting it, log in ${one.logFile}`);
    state.restarting = true;
    try {
      await one.restart();
    } catch (error) {
      if (stopping.aborted) return;
      return onGiveUp(`✗ ${one.title} could not be restarted: ${messageOf(error)}`);
    }
    state.restarting = false;
    log(`✓ ${one.title} is running again`);
  }
}

/** A single failed look may be a slow machine: two in a row are a problem. */
const FAILED_LOOKS = 2;

async function reportState(
  one: Supervised,
  state: State,
  { log, stopping, pollMs = 2_000 }: SuperviseOptions,
): Promise<void> {
  let failed = 0;
  while (!stopping.aborted) {
    const problem = state.restarting ? null : await one.problem();
    if (stopping.aborted) return;
    if (problem !== null) failed += 1;
    if (problem !== null && failed === FAILED_LOOKS) log(`✗ ${one.title}: ${problem}`);
    if (problem === null && failed >= FAILED_LOOKS && !state.restarting) log(`✓ ${one.title}: works again`);
    if (problem === null) failed = 0;
    await boundLog(one.logFile);
    await pause(pollMs, stopping);
  }
}

function pause(ms: number, stopping: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  stopping.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
