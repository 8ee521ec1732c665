import type { Program } from './child.ts';
import { mendAppendOnlyLog } from './mend-append-only-log.ts';
import type { Part, Placement, PreparedPart } from './part.ts';
import { exchange } from './socket-exchange.ts';
import { findRedis, type ToolContext } from './tools.ts';

/** Redis that has every acknowledged write on disk. */
export const redis: Part = {
  name: 'redis',
  title: 'Redis',
  port: 16479,
  portVariable: 'VAULT_REDIS_PORT',
  addressVariable: 'VAULT_REDIS_URL',
  address: (port) => `redis://127.0.0.1:${port}`,
  prepare,
  isReady,
};

async function prepare(context: ToolContext): Promise<PreparedPart> {
  const command = await findRedis(context);
  return {
    program: async (at) => {
      await mendAppendOnlyLog(at.dataDir);
      return server(command, at);
    },
  };
}

function server(command: string, at: Placement): Program {
  const settings: Record<string, string> = {
    bind: '127.0.0.1',
    port: String(at.port),
    dir: at.dataDir,
    appendonly: 'yes',
    appendfsync: 'always',
    'aof-load-truncated': 'no',
    'maxmemory-policy': 'noeviction',
    save: '',
    ...at.settings,
  };
  return { command, args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]) };
}

/** While it reads its file it answers LOADING. */
async function isReady(port: number): Promise<boolean> {
  return (await exchange(port, Buffer.from('PING\r\n')))?.toString().startsWith('+PONG') ?? false;
}
