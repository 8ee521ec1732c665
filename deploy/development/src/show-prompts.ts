import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '@vault-engine/local';

const POLL_MS = 500;
const MAX_BYTES = 64 * 1024;

/** Calls `onLines` with the new lines of a growing file until `stopping` aborts. Begins again if the file was emptied. */
const followFile = async (
  path: string,
  stopping: AbortSignal,
  onLines: (lines: readonly string[]) => void,
): Promise<void> => {
  const file = await open(path, 'r');
  try {
    let rest = '';
    let position = 0;
    while (!stopping.aborted) {
      if ((await stat(path)).size < position) position = 0;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, position);
      position += bytesRead;
      const lines = `${rest}${buffer.toString('utf8', 0, bytesRead)}`.split('\n');
      rest = lines.pop() ?? '';
      onLines(lines);
      await sleep(POLL_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
  } finally {
    await file.close();
  }
};

/** Prints the example engine's prompts from its log file, a few at a time. */
export const showPrompts = (logFile: string, log: Log, stopping: AbortSignal): Promise<void> => {
  const limit = limitPrompts(logFile, () => performance.now());
  return followFile(logFile, stopping, (lines) => {
    for (const line of limit(lines)) log(line);
  });
};

/** Prompts printed per window. The rest is counted, and the count printed once per window. */
const MAX_PROMPTS = 3;
const WINDOW_MS = 10_000;

/** Selects the lines to print of new lines of the log. JSON lines are log records and skipped. `now` is in milliseconds. */
export const limitPrompts = (logFile: string, now: () => number): ((lines: readonly string[]) => readonly string[]) => {
  let windowStart = Number.NEGATIVE_INFINITY;
  let printed = 0;
  let hidden = 0;
  return (lines) => {
    const shown: string[] = [];
    if (now() - windowStart >= WINDOW_MS) {
      if (hidden > 0) shown.push(`sync · ${hidden} more prompts in ${logFile}`);
      [windowStart, printed, hidden] = [now(), 0, 0];
    }
    for (const prompt of lines.filter((line) => line !== '' && !line.startsWith('{'))) {
      if (printed < MAX_PROMPTS) shown.push(`sync · ${prompt}`);
      else hidden += 1;
      printed += 1;
    }
    return shown;
  };
};

/** Prints a line for every refresh of the demonstration platform, from the log file of its OAuth server. */
export const showRefreshes = (logFile: string, log: Log, stopping: AbortSignal): Promise<void> =>
  followFile(logFile, stopping, (lines) => {
    for (const line of lines.flatMap(refreshLine)) log(line);
  });

/** The line to print for a log record of the OAuth server; empty for a record about something else. */
export const refreshLine = (record: string): readonly string[] => {
  if (!record.includes('"message":"refresh request answered"')) return [];
  const { time, result }: { time?: string; result?: string } = JSON.parse(record);
  return [`demo · ${time ?? ''} token ${result === 'refreshed' ? 'refreshed' : 'refresh refused'}`];
};
