/** At most so many lines of one kind within a second, by key. */
const LINES_PER_SECOND = 20;

/**
 * Limits log lines that a caller can cause at any rate. Returns for each line of a key how many lines of that key were left
 * out before it, or null: leave this one out. Keys have to be from a bounded set, e.g. the known engines.
 */
export const limitLines = (now: () => number, perSecond = LINES_PER_SECOND): ((key: string) => number | null) => {
  const windows = new Map<string, { readonly since: number; lines: number; leftOut: number }>();
  return (key) => {
    const at = now();
    const window = windows.get(key);
    if (window === undefined || at - window.since >= 1_000 || at < window.since) {
      windows.set(key, { since: at, lines: 1, leftOut: 0 });
      return window?.leftOut ?? 0;
    }
    if (window.lines < perSecond) {
      window.lines += 1;
      return 0;
    }
    window.leftOut += 1;
    return null;
  };
};
