/** Prints one line to the terminal. */
export type Log = (line: string) => void;

const everyMs = 5_000;

/** Logs the start of `work`, its progress every five seconds, and its duration. */
export async function withProgress<T>(log: Log, what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const elapsed = () => `${Math.round((performance.now() - started) / 1000)} s`;
  log(`${what} …`);
  const timer = setInterval(() => log(`${what} … ${elapsed()}`), everyMs);
  try {
    const result = await work();
    log(`${what}: done in ${elapsed()}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
