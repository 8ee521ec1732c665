import { readFileSync, writeFileSync } from 'node:fs';
import inspector from 'node:inspector';

/** A way to the memory of the process that {@link hardenProcess} cannot close. */
export interface Weakness {
  readonly reason: 'inspector_open' | 'heap_can_be_written' | 'core_dumps_possible';
  readonly remedy: string;
  /** Whether a production service must not run with it. */
  readonly refused: boolean;
}

/** Flags that write parts of the heap to disk. */
const HEAP_WRITING = /^--(heapsnapshot-|heap-prof|report-|abort-on-uncaught-exception)/;

/**
 * Closes ways by which secrets in memory can reach a disk or a debugger, and returns those that it cannot close:
 * - files that the process creates are readable by its user only;
 * - diagnostic reports are off, and would leave the environment out;
 * - SIGUSR1, which opens Node's inspector, is ignored (a listener replaces Node's own handling);
 * - core dumps are empty, by `/proc/self/coredump_filter` (core(5)): Node has no setrlimit. Where that file does not
 *   exist and the soft limit is not 0, whoever starts the process has to set `ulimit -c 0`.
 */
export const hardenProcess = (nodeOptions: string): readonly Weakness[] => {
  process.umask(0o077);
  if (process.report) {
    process.report.reportOnFatalError = false;
    process.report.reportOnSignal = false;
    process.report.reportOnUncaughtException = false;
    process.report.excludeEnv = true;
  }
  process.on('SIGUSR1', ignore);
  return [
    ...inspectorWeakness(),
    ...flagWeakness([...process.execArgv, ...nodeOptions.split(/\s+/)]),
    ...coreDumpWeakness(),
  ];
};

const ignore = () => {};

const inspectorWeakness = (): readonly Weakness[] =>
  inspector.url() === undefined
    ? []
    : [{ reason: 'inspector_open', remedy: 'start without --inspect, in NODE_OPTIONS too', refused: true }];

const flagWeakness = (flags: readonly string[]): readonly Weakness[] =>
  flags.some((flag) => HEAP_WRITING.test(flag))
    ? [
        {
          reason: 'heap_can_be_written',
          remedy: 'start without --heapsnapshot-*, --heap-prof, --report-* and --abort-*',
          refused: true,
        },
      ]
    : [];

const coreDumpWeakness = (): readonly Weakness[] =>
  emptyCoreDumps() || coreLimitIsZero()
    ? []
    : [
        {
          reason: 'core_dumps_possible',
          remedy: 'start under `ulimit -c 0` (in containers: --ulimit core=0)',
          refused: false,
        },
      ];

/** No memory mapping goes into a core dump of this process. */
const emptyCoreDumps = (): boolean => {
  try {
    writeFileSync('/proc/self/coredump_filter', '0x0');
    return true;
  } catch {
    return false;
  }
};

const coreLimitIsZero = (): boolean => {
  try {
    return /^Max core file size\s+0\s/m.test(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return false;
  }
};
