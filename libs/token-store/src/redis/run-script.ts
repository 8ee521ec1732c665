import type { Redis } from 'ioredis';
import { NotReplicated } from './faults.ts';
import type { Link } from './link.ts';
import { type Script, TOUCH_FIRST_KEY } from './scripts.ts';

type Argument = string | Buffer | number;

/** ioredis has a `…Buffer` form of every command. Its types omit those of EVALSHA and EVALSHA_RO. */
type BufferCommands = Readonly<
  Record<Script['command'], (sha: string, keyCount: number, ...args: Argument[]) => Promise<unknown>>
>;

/**
 * Runs a script by its SHA-1. Loads it first if the server does not have it, as after a restart or a failover.
 * `along` is sent right behind the script on the same connection.
 */
export const runScript = async <Along = undefined>(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
  along?: () => Promise<Along>,
): Promise<readonly [reply: unknown, along: Along | undefined]> => {
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

/**
 * Runs a script once; the caller retries. With `waitReplicas`, resolves when enough replicas have what the script wrote or read:
 * another process may have written that without its replication being confirmed.
 *
 * @throws NotReplicated
 */
export const runReplicated = async (
  link: Link,
  script: Script,
  names: readonly string[],
  args: readonly Argument[],
): Promise<unknown> => {
  if (link.replicas === null) return (await runScript(link.redis, script, names, args))[0];
  const [reply] = await runScript(link.redis, script, names, args, () => untilReplicated(link, names));
  return reply;
};

/**
 * Resolves when enough replicas have the present value of these keys. Send it right behind the commands that it is for, so that it
 * uses their connection. Another connection might lead to another server after a failover.
 *
 * WAIT covers only what its own connection wrote, which may be nothing. `TOUCH_FIRST_KEY` makes that connection write.
 *
 * @throws NotReplicated
 */
export const untilReplicated = async ({ redis, replicas }: Link, names: readonly string[]): Promise<void> => {
  if (replicas === null) return;
  const [, reached] = await Promise.all([
    redis.eval(TOUCH_FIRST_KEY, names.length, ...names),
    redis.wait(replicas.count, replicas.withinMs),
  ]);
  if (reached < replicas.count) throw new NotReplicated();
};

/** A script's reply as a list. */
export const asList = (reply: unknown): readonly unknown[] => {
  if (!Array.isArray(reply)) throw new TypeError('a script replied with something other than a list');
  return reply;
};

/** A script's reply as a list of strings or nulls. */
export const asFields = (reply: unknown): readonly (Buffer | null)[] => asList(reply).map(asField);

const asField = (item: unknown): Buffer | null => {
  if (item === null || Buffer.isBuffer(item)) return item;
  throw new TypeError('a script replied with something other than strings');
};
