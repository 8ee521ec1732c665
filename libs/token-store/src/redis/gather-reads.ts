import { PortUnavailable } from '@vault-engine/vault';
import type { Redis } from 'ioredis';
import type { Mark, RowNames } from './recent-connections.ts';
import { asList, runScript } from './run-script.ts';
import { READ_CONNECTIONS } from './scripts.ts';

/** A connection to read, and its mark from the last read. */
export interface WantedConnection {
  readonly names: RowNames;
  readonly mark: Mark | null;
}

interface QueuedRead {
  readonly wanted: WantedConnection;
  readonly done: PromiseWithResolvers<unknown>;
}

interface ReadingParts {
  readonly redis: Redis;
  readonly retry: <T>(attempt: (again: boolean) => Promise<T>) => Promise<T>;
}

/** Connections in one script. Redis serves nothing else meanwhile, and this process parses one reply while Redis reads the next group. */
const GROUP_SIZE = 32;

/**
 * Reads connections. Those requested in one turn of the event loop share one script, because an EVALSHA of its own costs more
 * than the read. Their keys lie in different slots: a single server allows that, a Cluster would need one script per slot.
 *
 * When a script fails, for instance because a key has another type, its connections are read again one by one. So a broken
 * key fails only its own read.
 *
 * Each call resolves to its own item of the script's reply.
 */
export const gatherReads = ({ redis, retry }: ReadingParts) => {
  let queued: QueuedRead[] = [];
  const send = (): void => {
    const group = queued;
    queued = [];
    if (group.length > 0) void resolveGroup(group);
  };
  const resolveGroup = async (group: readonly QueuedRead[]): Promise<void> => {
    try {
      const found = await retry(() => readAll(redis, group));
      for (const [index, { done }] of group.entries()) done.resolve(found[index]);
    } catch (error) {
      if (group.length > 1 && !(error instanceof PortUnavailable)) for (const one of group) void resolveGroup([one]);
      else for (const { done } of group) done.reject(error);
    }
  };
  return (wanted: WantedConnection): Promise<unknown> => {
    const done = Promise.withResolvers<unknown>();
    queued.push({ wanted, done });
    if (queued.length === 1) process.nextTick(send);
    else if (queued.length === GROUP_SIZE) send();
    return done.promise;
  };
};

const readAll = async (redis: Redis, group: readonly QueuedRead[]): Promise<readonly unknown[]> => {
  const keys = group.flatMap(({ wanted: { names } }) => [names.user, names.record]);
  const marks = group.map(({ wanted: { mark } }) => (mark === null ? NO_MARK : `${mark.transition} ${mark.version}`));
  const [found] = await runScript(redis, READ_CONNECTIONS, keys, [marks.join(' ')]);
  return asList(found);
};

/** As READ_CONNECTIONS expects it. */
const NO_MARK = '- -';
