import type { Redis } from 'ioredis';

/** The server's settings would lose acknowledged changes. Repeating does not help: somebody has to change them. */
export class StoreNotDurable extends Error {
  override readonly name = 'StoreNotDurable';
  readonly code = 'store_not_durable';
  /** One sentence for each setting that is wrong. */
  readonly findings: readonly string[];
  constructor(findings: readonly string[]) {
    super(`Redis would lose tokens: ${findings.join('; ')}`);
    this.findings = findings;
  }
}

/** What the server's settings could cost: `loses` acknowledged changes at any time, or `risks` the last second of them. */
export interface Durability {
  readonly loses: readonly string[];
  readonly risks: readonly string[];
}

/** Reads the settings. INFO has most of them, also where a provider has taken CONFIG away. */
export const checkDurability = async (redis: Redis): Promise<Durability> => {
  const info = `${await redis.info('memory')}\r\n${await redis.info('persistence')}`;
  const policy = infoField(info, 'maxmemory_policy');
  const appendsOnly = infoField(info, 'aof_enabled') === '1';
  const fsync = appendsOnly ? await fsyncPolicy(redis) : null;
  return {
    loses: [
      ...(policy === 'noeviction' ? [] : [`maxmemory-policy is ${policy}, and must be noeviction`]),
      ...(appendsOnly ? [] : ['appendonly is no, and must be yes']),
    ],
    risks: fsync === null || fsync === 'always' ? [] : [`appendfsync is ${fsync}: a crash loses the last changes`],
  };
};

const infoField = (info: string, name: string): string =>
  info
    .split('\r\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1) ?? 'not told';

/** Null where the server does not say. */
const fsyncPolicy = async (redis: Redis): Promise<string | null> => {
  try {
    const [, value] = await redis.config('GET', 'appendfsync').then((answer) => [...Object.values(answer ?? [])]);
    return typeof value === 'string' ? value : null;
  } catch (error) {
    // Without the right to CONFIG, or without CONFIG.
    if (error instanceof Error && error.name === 'ReplyError') return null;
    throw error;
  }
};
