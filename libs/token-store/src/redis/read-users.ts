import type { UserId } from '@vault-engine/vault';
import type { Link } from './link.ts';

/** Keys looked at in one step, of all kinds: about a millisecond in which the server does nothing else. */
const KEYS_A_STEP = 1_000;

/**
 * See `TokenStore.users`. SCAN gives the promise: https://redis.io/docs/latest/commands/scan/#scan-guarantees. Its cursor
 * holds for the server that gave it; after a failover in between, a user may be left out.
 */
export const readUsers = async function* (open: () => Link): AsyncGenerator<UserId, void> {
  let cursor = '0';
  do {
    const { redis, keys, persist } = open();
    const [next, found] = await persist(() => redis.scan(cursor, 'MATCH', keys.allUsers, 'COUNT', KEYS_A_STEP));
    for (const key of found) {
      const user = keys.userOf(key);
      if (user !== null) yield user;
    }
    cursor = next;
  } while (cursor !== '0');
};
