import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '@vault-engine/local';

const POLL_MS = 500;
const MAX_BYTES = 64 * 1024;
/** Maximum number of prompts printed at once. */
const MAX_LINES = 5;

/** Prints the example engine's prompts from its log file, a few at a time. */
export const showPrompts = async (logFile: string, log: Log, stopping: AbortSignal): Promise<void> => {
  const file = await open(logFile, 'r');
  try {
    let rest = '';
    while (!stopping.aborted) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, null);
      const lines = `${rest}${buffer.toString('utf8', 0, bytesRead)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of shown(lines, logFile)) log(line);
      await sleep(POLL_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
  } finally {
    await file.close();
  }
};

/** The lines to print of new lines of the log; JSON lines are log records and skipped. */
export const shown = (lines: readonly string[], logFile: string): readonly string[] => {
  const prompts = lines.filter((line) => line !== '' && !line.startsWith('{'));
  const rest = prompts.length - MAX_LINES;
  const first = prompts.slice(0, MAX_LINES).map((prompt) => `sync · ${prompt}`);
  return rest > 0 ? [...first, `sync · and ${rest} more in ${logFile}`] : first;
};
