import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mendAppendOnlyLog } from '@vault-engine/local';
import { Redis } from 'ioredis';
import { vi } from 'vitest';

/** A Redis server for one test, which may kill, stop and fill it. */
export interface PrivateServer {
  readonly url: string;
  readonly port: number;
  /** The test's own client. */
  readonly redis: Redis;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Kills the server with SIGKILL. `restart` starts it again on the same port and data. */
  readonly crash: () => Promise<void>;
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts `redis-server` from the PATH. Its append-only file is synced at each write unless `settings` change that. */
export const startPrivateServer = async (settings: readonly string[] = []): Promise<PrivateServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'token-store-'));
  const port = await freePort();
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--aof-load-truncated', 'no', '--save', ''];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...durable, ...settings];
  const redis = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  redis.on('error', () => undefined);
  let server = spawn('redis-server', args, { stdio: 'ignore' });
  await untilReady(redis);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    redis,
    signal: (name) => server.kill(name),
    crash: () => stop(server, 'SIGKILL'),
    restart: async () => {
      await mendAppendOnlyLog(folder);
      server = spawn('redis-server', args, { stdio: 'ignore' });
      await untilReady(redis);
    },
    close: async () => {
      redis.disconnect();
      await stop(server, 'SIGKILL');
      await rm(folder, { recursive: true });
    },
  };
};

const untilReady = (redis: Redis) => vi.waitFor(() => redis.ping(), { timeout: 10_000 });

const stop = async (server: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill(signal);
  await once(server, 'exit');
};

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
};
