import { copyFile, readFile, rename, rm, stat, truncate } from 'node:fs/promises';

/** Older logs that are kept beside the present one: `<name>.log.1` is the latest. */
const OLDER_LOGS = 3;
const MAX_LOG_BYTES = 32 * 1024 * 1024;

/** Moves a log of an earlier start aside, so that the next start begins a new one. */
export async function rotateLog(logFile: string): Promise<void> {
  await rm(`${logFile}.${OLDER_LOGS}`, { force: true });
  for (let age = OLDER_LOGS - 1; age >= 1; age -= 1) await move(`${logFile}.${age}`, `${logFile}.${age + 1}`);
  await move(logFile, `${logFile}.1`);
}

/**
 * Copies a log that has grown beyond `maxBytes` to `<name>.log.1` and empties it. Its writer keeps the file open and appends, so
 * a rename would not end the growth. Lines that are written between the two steps are lost.
 */
export async function boundLog(logFile: string, maxBytes = MAX_LOG_BYTES): Promise<void> {
  const size = (await stat(logFile).catch(() => undefined))?.size ?? 0;
  if (size <= maxBytes) return;
  await copyFile(logFile, `${logFile}.1`);
  await truncate(logFile);
}

async function move(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/**
 * The last lines of a log file, for an error message. Records of our own services are shortened to time, level, message and the
 * name of the error: no stack and no JSON.
 */
export async function lastLines(logFile: string, count = 8): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const lines = text.trimEnd().split('\n').slice(-count).map(readableLine);
  return `  ${lines.join('\n  ')}\n  (log: ${logFile})`;
}

/** A log record as a readable line; any other line as it is. */
export function readableLine(line: string): string {
  const record = parseRecord(line);
  if (record === undefined) return line;
  const { time, level, message, error, reason } = record;
  const cause = error === undefined ? reason : nameOf(error);
  return [time, level, cause === undefined ? message : `${message} (${cause})`]
    .filter((part) => part !== undefined)
    .join(' ');
}

type LogRecord = { time?: string; level?: string; message?: string; reason?: string; error?: unknown };

function parseRecord(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const record: LogRecord = JSON.parse(line);
    return typeof record.message === 'string' ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The name of an error and the name of its deepest cause. */
function nameOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { name, message, code, cause } = error as Readonly<Record<string, unknown>>; // any object
  const own = [name, code, message].filter((part) => typeof part === 'string').join(' ');
  const under = nameOf(cause);
  return under === undefined ? own : `${own}: ${under}`;
}
