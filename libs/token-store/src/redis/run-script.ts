import type { Redis } from 'ioredis';
import type { Script } from './scripts.ts';

type Argument = string | Buffer | number;

/** ioredis has a `…Buffer` form of every command; its types leave out those of EVALSHA and EVALSHA_RO. */
type BufferCommands = Readonly<
  Record<Script['command'], (sha: string, keyCount: number, ...args: Argument[]) => Promise<unknown>>
>;

/**
 * Runs a script by its SHA-1, and loads it first where the server does not know it: after its restart, after a failover.
 * `along` goes out right behind it on the same connection.
 */
export const runScript = async <Along = undefined>(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
  along?: () => Promise<Along>,
): Promise<readonly [answer: unknown, along: Along | undefined]> => {
  // `BufferCommands` says why.
  const commands = redis as unknown as BufferCommands;
  const send = () =>
    Promise.all([commands[script.command](script.sha, keys.length, ...keys, ...args), along?.()] as const);
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    await redis.script('LOAD', script.lua);
    return await send();
  }
};

/** A script's answer as a list. */
export const asList = (answer: unknown): readonly unknown[] => {
  if (!Array.isArray(answer)) throw new TypeError('a script answers something else than a list');
  return answer;
};

/** A script's answer as a list of strings, each there or not. */
export const asFields = (answer: unknown): readonly (Buffer | null)[] => asList(answer).map(asField);

/** One string of a script's answer. */
const asField = (item: unknown): Buffer | null => {
  if (item === null || Buffer.isBuffer(item)) return item;
  throw new TypeError('a script answers something else than strings');
};
