import type { Log } from './log.ts';

/** What ends a service. */
export interface Ending {
  /** Resolves with the exit code that a clean stop ends in. */
  readonly stopped: Promise<number>;
  /** Aborted at the same time. */
  readonly stopping: AbortSignal;
  /** Ends the service with exit code 1, or 78 where an operator has to change something. */
  readonly fatal: (error: unknown) => void;
}

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;
type StopSignal = keyof typeof SIGNAL_NUMBERS;

/** Ctrl-C reaches a process twice: from the terminal, and from the launcher that forwards it. Both count as one signal. */
const SAME_SIGNAL_MS = 1000;

/**
 * Listens for what ends a service: SIGTERM, SIGINT, `fatal`, an unhandled rejection. A second signal ends the process
 * at once, and so does an uncaught exception: after it the state of the process is unknown.
 */
export const untilStopped = (log: Log, now: () => number = () => performance.now()): Ending => {
  const stop = new AbortController();
  const stopped = Promise.withResolvers<number>();
  let signalledAt: number | null = null;

  const end = (exitCode: number) => {
    stop.abort(new Error('the service is stopping'));
    stopped.resolve(exitCode);
  };
  const fatal = (error: unknown) => {
    log.fatal('fatal error', { error });
    end(exitCodeOf(error));
  };
  const onSignal = (signal: StopSignal) => {
    if (signalledAt === null) {
      signalledAt = now();
      log.info('stop signal received', { signal });
      return end(0);
    }
    if (now() - signalledAt < SAME_SIGNAL_MS) return;
    log.warn('second stop signal, exiting immediately', { signal });
    process.exit(128 + SIGNAL_NUMBERS[signal]);
  };

  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('unhandledRejection', fatal);
  process.on('uncaughtException', (error) => {
    log.fatal('uncaught exception', { error });
    process.exit(1);
  });
  return { stopped: stopped.promise, stopping: stop.signal, fatal };
};

/** sysexits.h EX_CONFIG. */
export const EXIT_CONFIG = 78;

/** Errors that only an operator can mend: their messages say in full what to change. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ConfigRefused',
  'KeyFileRefused',
  'ProfilesRefused',
  'RightMissing',
  'StoreNotDurable',
]);

/** Whether an operator has to change something before the service can run. */
export const isRefusal = (error: unknown): error is Error => error instanceof Error && REFUSALS.has(error.name);

/** The exit code of a service that ends with `error`. */
const exitCodeOf = (error: unknown): number => (isRefusal(error) ? EXIT_CONFIG : 1);

/** Writes the whole message to standard error, beside the log line, which is cut. Messages of refusals hold no secret. */
export const printRefusal = (service: string, { message }: Error): void => {
  process.stderr.write(`${service}: ${message}\n`);
};
