/** Whether any process of the group exists. */
export function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Sends a signal to a whole group. Has no effect on an ended group. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the group has ended.
  }
}

/** Sends SIGTERM to the groups, waits up to `graceMs`, and kills the remaining ones. */
export async function endGroups(
  pids: readonly number[],
  { graceMs, sleep }: { graceMs: number; sleep: (ms: number) => Promise<unknown> },
): Promise<void> {
  for (const pid of pids) {
    signalGroup(pid, 'SIGTERM');
    signalGroup(pid, 'SIGCONT'); // a stopped process takes SIGTERM only once it runs again
  }
  for (let waited = 0; waited < graceMs && pids.some(groupLives); waited += 50) await sleep(50);
  for (const pid of pids) signalGroup(pid, 'SIGKILL');
}
