import { readFileSync } from 'node:fs';

/** proc(5) counts in `sysconf(_SC_CLK_TCK)`, which is 100 a second on every Linux that Node runs on. */
const US_PER_TICK = 10_000;

/** The CPU time of a process and its threads so far, in µs, in steps of 10 ms; NaN where the system has no `/proc`. */
export const cpuOf = (pid: number): number => {
  try {
    return cpuInStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return Number.NaN;
  }
};

/** utime and stime of a line of `/proc/<pid>/stat`. The name of the command, in brackets, may itself hold spaces and brackets. */
export const cpuInStat = (line: string): number => {
  const afterName = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return (Number(afterName[11]) + Number(afterName[12])) * US_PER_TICK;
};
