import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from './child.ts';
import type { Part, Placement, PreparedPart } from './part.ts';
import { exchange } from './socket-exchange.ts';
import { findRedis, type ToolContext } from './tools.ts';

/** Redis with `appendfsync always`: every acknowledged write is on disk. */
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

/** Redis answers LOADING while it reads its append-only file. */
async function isReady(port: number): Promise<boolean> {
  return (await exchange(port, Buffer.from('PING\r\n')))?.toString().startsWith('+PONG') ?? false;
}

/**
 * Truncates Redis's append-only log after its last complete transaction, if a kill left it incomplete. Redis's own repair
 * at loading (`aof-load-truncated yes`) truncates after the last complete command and keeps an open MULTI: later writes
 * become part of it, and the next restart replays half a script (observed on 7.0.15; fixed in Valkey by
 * valkey-io/valkey#4342). Redis is therefore started with `aof-load-truncated no`.
 *
 * @param folder Redis's `dir`
 * @throws if the log cannot be repaired
 */
export async function mendAppendOnlyLog(folder: string): Promise<void> {
  const manifest = join(folder, 'appendonlydir', 'appendonly.aof.manifest');
  if (!existsSync(manifest)) return;
  const repair = spawn('redis-check-aof', ['--fix', manifest], { stdio: ['pipe', 'ignore', 'ignore'] });
  // The program asks for confirmation only if it truncates; otherwise it may end before it reads.
  repair.stdin.on('error', () => undefined);
  repair.stdin.end('y\n');
  const [code] = await once(repair, 'exit');
  if (code !== 0) throw new Error(`redis-check-aof failed to repair ${manifest} (exit code ${code})`);
}
