import { PortUnavailable } from '@vault-engine/vault';
import type { Redis } from 'ioredis';
import type { Link } from './link.ts';
import type { Mark, RowNames } from './recent-connections.ts';
import { asList, runScript } from './run-script.ts';
import { READ_CONNECTIONS } from './scripts.ts';

/** A connection to read, and the mark that it had when it was read last. */
export interface WantedConnection {
  readonly names: RowNames;
  readonly mark: Mark | null;
}

interface Asked {
  readonly wanted: WantedConnection;
  readonly done: PromiseWithResolvers<unknown>;
}

/** Redis does nothing else meanwhile, and this process works on the first of them while Redis reads the next. */
const MOST = 32;

/**
 * Reads connections, those that one turn of the event loop brings by one script: an EVALSHA for each costs more than what it
 * reads. Their keys lie in different slots, which one server does not mind; a Cluster would need a script for each slot.
 *
 * What one of them does to the script (a key of another type) is nobody else's: they are read again one by one then.
 *
 * Each is answered with its item of the script's answer.
 */
export const gatherReads = ({ redis, persist }: Pick<Link, 'redis' | 'persist'>) => {
  let gathered: Asked[] = [];
  const send = (): void => {
    const group = gathered;
    gathered = [];
    if (group.length > 0) void answer(group);
  };
  const answer = async (group: readonly Asked[]): Promise<void> => {
    try {
      const found = await persist(() => readAll(redis, group));
      for (const [index, { done }] of group.entries()) done.resolve(found[index]);
    } catch (error) {
      if (group.length > 1 && !(error instanceof PortUnavailable)) for (const asked of group) void answer([asked]);
      else for (const { done } of group) done.reject(error);
    }
  };
  return (wanted: WantedConnection): Promise<unknown> => {
    const done = Promise.withResolvers<unknown>();
    gathered.push({ wanted, done });
    if (gathered.length === 1) process.nextTick(send);
    else if (gathered.length === MOST) send();
    return done.promise;
  };
};

const readAll = async (redis: Redis, group: readonly Asked[]): Promise<readonly unknown[]> => {
  const keys = group.flatMap(({ wanted: { names } }) => [names.user, names.record]);
  const marks = group.map(({ wanted: { mark } }) => (mark === null ? NO_MARK : `${mark.transition} ${mark.version}`));
  const [found] = await runScript(redis, READ_CONNECTIONS, keys, [marks.join(' ')]);
  return asList(found);
};

/** As the script has it. */
const NO_MARK = '- -';
