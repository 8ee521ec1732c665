import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Request ids of commands whose reply the brokers did not acknowledge before the command's deadline. The worker gives such a
 * reply up, says so in its log, and commits the command.
 *
 * @param logDir the folder with the services' logs, earlier ones (`<name>.log.1`) included
 */
export const expiredReplies = async (logDir: string): Promise<ReadonlySet<string>> => {
  const files = (await readdir(logDir)).filter((name) => /\.log(\.\d+)?$/.test(name));
  const texts = await Promise.all(files.map((name) => readFile(join(logDir, name), 'utf8')));
  return new Set(texts.flatMap((text) => text.split('\n').flatMap(requestIdIn)));
};

const requestIdIn = (line: string): readonly string[] => {
  if (!line.includes('"reply undeliverable"')) return [];
  const { requestId, state } = JSON.parse(line) as { requestId?: string; state?: string }; // a log record of the worker
  return state === 'expired' && requestId !== undefined ? [requestId] : [];
};
