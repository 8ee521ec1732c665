import { Redis } from 'ioredis';
import { faultOf } from './faults.ts';

/** Receives the events of the store's connection. A runtime `Log` fits. */
export interface StoreLog {
  readonly info: (message: string, fields?: { readonly reason?: string }) => void;
  readonly warn: (message: string, fields?: { readonly reason?: string }) => void;
}

const RECONNECT_FIRST_MS = 20;
const RECONNECT_AT_MOST_MS = 300;
const RECHECK_LOADING_MS = 200;

/**
 * A client that rejects commands at once while it has no connection, and reconnects in the background without a limit. Retries are
 * left to `retryTransient`: a command in ioredis's own queue could run long after its caller gave up.
 */
export const connect = (url: string, attemptMs: number, log: StoreLog | undefined): Redis => {
  restoreStringPrototype();
  const redis = new Redis(url, {
    lazyConnect: true,
    enableAutoPipelining: true,
    // Reads are gathered into scripts already. A pipeline would hold them back until the one before is answered in full.
    autoPipeliningIgnoredCommands: ['evalsha_ro'],
    enableOfflineQueue: false,
    // Without this, a command in flight when a connection closes is neither resent nor rejected …
    maxRetriesPerRequest: 0,
    // … and with this alone it would be resent.
    autoResendUnfulfilledCommands: false,
    commandTimeout: attemptMs,
    connectTimeout: 2 * attemptMs,
    // Drops a peer that is silent while commands wait. TCP itself would take a quarter of an hour.
    socketTimeout: 2 * attemptMs,
    maxLoadingRetryTime: RECHECK_LOADING_MS,
    retryStrategy: (times) => Math.min(RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10), RECONNECT_AT_MOST_MS),
    // After a failover the address may lead to the new master, but only on a new connection.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  logConnection(redis, log);
  // A failed first attempt is retried like every later one.
  redis.connect().catch(() => undefined);
  return redis;
};

/** Logs each loss and each recovery once. The listener of `error` also keeps ioredis from printing to the console. */
const logConnection = (redis: Redis, log: StoreLog | undefined): void => {
  let reason = 'closed';
  let lost = false;
  redis.on('error', (error: unknown) => {
    reason = faultOf(error).code;
  });
  redis.on('reconnecting', () => {
    if (!lost) log?.warn('token store connection lost', { reason });
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) log?.info('token store connection restored');
    lost = false;
    reason = 'closed';
  });
};

/** V8 optimises a prototype after this many look-ups through it, with a wide margin. */
const LOOK_UPS = 1_000;

/**
 * ioredis declares a class that extends `String`. V8 then treats `String.prototype` as a prototype under construction and
 * keeps it in dictionary mode, so each `charCodeAt` in a loop is a dictionary look-up: five times slower, measured as 6 % of a
 * worker's time per command. V8 returns the prototype to fast mode after look-ups through a String object; primitive strings
 * don't count.
 */
export const restoreStringPrototype = (): void => {
  const text = new String('');
  for (let times = 0; times < LOOK_UPS; times += 1) lookUp(text);
};

const lookUp = (text: object): unknown => text.constructor;
