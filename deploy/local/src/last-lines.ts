import { readFile } from 'node:fs/promises';

/** The end of a log, for the message of a failure. */
export async function lastLines(logFile: string, count = 12): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return `  ${text.trimEnd().split('\n').slice(-count).join('\n  ')}\n  (all of it: ${logFile})`;
}
