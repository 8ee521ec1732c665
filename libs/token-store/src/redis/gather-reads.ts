import { PortUnavailable } from '@vault-engine/vault';
import type { Redis } from 'ioredis';
import type { Link } from './link.ts';
import { asList, runScript } from './run-script.ts';
import { READ_CONNECTIONS } from './scripts.ts';

/** The fields of a user's row and of one record, as Redis answered them. */
export type RawConnection = readonly [user: unknown, record: unknown];

interface Asked {
  readonly names: readonly [user: string, record: string];
  readonly done: PromiseWithResolvers<RawConnection>;
}

/** Redis does nothing else meanwhile: so many take it about 0.1 ms. */
const MOST = 32;

/**
 * Reads connections, those that one turn of the event loop brings by one script: with an EVALSHA of its own each costs twice
 * the CPU here (25 µs, else 14). Their keys lie in different slots, which one server does not mind; a Cluster would need a
 * script for each slot.
 *
 * What one of them does to the script (a key of another type) is nobody else's: they are read again one by one then.
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
      for (const [index, { done }] of group.entries()) done.resolve([found[2 * index], found[2 * index + 1]]);
    } catch (error) {
      if (group.length > 1 && !(error instanceof PortUnavailable)) for (const asked of group) void answer([asked]);
      else for (const { done } of group) done.reject(error);
    }
  };
  return (user: string, record: string): Promise<RawConnection> => {
    const done = Promise.withResolvers<RawConnection>();
    gathered.push({ names: [user, record], done });
    if (gathered.length === 1) process.nextTick(send);
    else if (gathered.length === MOST) send();
    return done.promise;
  };
};

const readAll = async (redis: Redis, group: readonly Asked[]): Promise<readonly unknown[]> => {
  const [found] = await runScript(
    redis,
    READ_CONNECTIONS,
    group.flatMap(({ names }) => names),
    [],
  );
  return asList(found);
};
