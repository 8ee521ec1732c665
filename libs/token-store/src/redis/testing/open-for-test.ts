import type { TokenStore } from '@vault-engine/vault';
import { onTestFinished } from 'vitest';
import { openRedisStore, type RedisStoreOptions } from '../open.ts';
import { type PrivateServer, startPrivateServer } from './start-private-server.ts';

/** A private server that stops when the test ends. */
export const startServer = async (settings?: readonly string[]): Promise<PrivateServer> => {
  const server = await startPrivateServer(settings);
  onTestFinished(server.close);
  return server;
};

/** A store that is closed when the test ends. */
export const openStore = async (options: RedisStoreOptions): Promise<TokenStore> => {
  const store = await openRedisStore(options);
  onTestFinished(store.close);
  return store;
};

/** The value or the error of `work`, and after how many milliseconds it came. */
export const timed = async (work: Promise<unknown>) => {
  const start = performance.now();
  const result = await work.catch((error: unknown) => error);
  return { result, ms: performance.now() - start };
};

/** The error of every call while the store is unavailable. */
export const UNAVAILABLE = { name: 'PortUnavailable', port: 'storage' };
