import { Redis } from 'ioredis';
import { faultOf } from './faults.ts';
import { keepTextQuick } from './keep-text-quick.ts';

/** Where the store says what happens to its connection. A runtime `Log` fits. */
export interface StoreLog {
  readonly info: (message: string, fields?: { readonly reason?: string }) => void;
  readonly warn: (message: string, fields?: { readonly reason?: string }) => void;
}

const RECONNECT_FIRST_MS = 20;
const RECONNECT_AT_MOST_MS = 300;
const RECHECK_LOADING_MS = 200;

/**
 * A client that fails at once where it has no connection, and reconnects for ever in the background. Repeating is left to
 * `persist`: a command that ioredis keeps in a queue of its own could run long after its caller was told that it failed.
 */
export const connect = (url: string, attemptMs: number, log: StoreLog | undefined): Redis => {
  keepTextQuick();
  const redis = new Redis(url, {
    lazyConnect: true,
    enableAutoPipelining: true,
    // Reads come gathered: a pipeline would keep them until the one before it is answered whole.
    autoPipeliningIgnoredCommands: ['evalsha_ro'],
    enableOfflineQueue: false,
    // Without this, what is in flight when a connection closes is neither resent nor rejected …
    maxRetriesPerRequest: 0,
    // … and with this alone it would be resent.
    autoResendUnfulfilledCommands: false,
    commandTimeout: attemptMs,
    connectTimeout: 2 * attemptMs,
    // A peer that is silent while commands wait is given up: TCP itself would take a quarter of an hour.
    socketTimeout: 2 * attemptMs,
    maxLoadingRetryTime: RECHECK_LOADING_MS,
    retryStrategy: (times) => Math.min(RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10), RECONNECT_AT_MOST_MS),
    // After a failover the address may lead to the new master, but only for a new connection.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  announce(redis, log);
  // A first attempt that fails is repeated like all others.
  redis.connect().catch(() => undefined);
  return redis;
};

/** Logs losses and recoveries, once each. The listener of `error` also keeps ioredis from printing to the console. */
const announce = (redis: Redis, log: StoreLog | undefined): void => {
  let reason = 'closed';
  let lost = false;
  redis.on('error', (error: unknown) => {
    reason = faultOf(error).code;
  });
  redis.on('reconnecting', () => {
    if (!lost) log?.warn('the token store has no connection', { reason });
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) log?.info('the token store is connected again');
    lost = false;
    reason = 'closed';
  });
};
