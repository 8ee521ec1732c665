import type { Redis } from 'ioredis';

/** The server's settings would lose acknowledged changes. An operator has to change them; a retry does not help. */
export class StoreNotDurable extends Error {
  override readonly name = 'StoreNotDurable';
  readonly code = 'store_not_durable';
  /** One sentence per wrong setting. */
  readonly findings: readonly string[];
  constructor(findings: readonly string[]) {
    super(`Redis would lose tokens: ${findings.join('; ')}`);
    this.findings = findings;
  }
}

/** `loses`: settings that can lose acknowledged changes at any time. `risks`: settings that can lose the last second of them. */
export interface Durability {
  readonly loses: readonly string[];
  readonly risks: readonly string[];
}

/** Reads the settings. INFO has most of them, also on a managed server that denies CONFIG. */
export const checkDurability = async (redis: Redis): Promise<Durability> => {
  const info = `${await redis.info('memory')}\r\n${await redis.info('persistence')}`;
  const policy = infoField(info, 'maxmemory_policy');
  const appendsOnly = infoField(info, 'aof_enabled') === '1';
  const fsync = appendsOnly ? await fsyncPolicy(redis) : null;
  return {
    loses: [
      ...(policy === 'noeviction' ? [] : [`maxmemory-policy is ${policy}; set it to noeviction`]),
      ...(appendsOnly ? [] : ['appendonly is no; set it to yes']),
    ],
    risks:
      fsync === null || fsync === 'always'
        ? []
        : [`appendfsync is ${fsync}: a crash loses the last changes; set it to always`],
  };
};

const infoField = (info: string, name: string): string =>
  info
    .split('\r\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1) ?? 'unknown';

/** Null: the server does not tell. */
const fsyncPolicy = async (redis: Redis): Promise<string | null> => {
  try {
    const [, value] = await redis.config('GET', 'appendfsync').then((answer) => [...Object.values(answer ?? [])]);
    return typeof value === 'string' ? value : null;
  } catch (error) {
    // The account may not run CONFIG, or the server has none.
    if (error instanceof Error && error.name === 'ReplyError') return null;
    throw error;
  }
};
