import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '@vault-engine/local';

const EVERY_MS = 500;
const MOST_BYTES = 64 * 1024;
/** More at once are for whoever reads the file. */
const MOST_LINES = 5;

/** Shows what the example engine prints to its log file, which begins anew with it: the prompts, a few at a time. */
export const showPrompts = async (logFile: string, log: Log, stopping: AbortSignal): Promise<void> => {
  const file = await open(logFile, 'r');
  try {
    let rest = '';
    while (!stopping.aborted) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, null);
      const lines = `${rest}${buffer.toString('utf8', 0, bytesRead)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of shown(lines, logFile)) log(line);
      await sleep(EVERY_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
  } finally {
    await file.close();
  }
};

/** What is shown of new lines of the log: JSON is not for the screen. */
export const shown = (lines: readonly string[], logFile: string): readonly string[] => {
  const prompts = lines.filter((line) => line !== '' && !line.startsWith('{'));
  const more = prompts.length - MOST_LINES;
  const first = prompts.slice(0, MOST_LINES).map((prompt) => `sync · ${prompt}`);
  return more > 0 ? [...first, `sync · and ${more} more in ${logFile}`] : first;
};
