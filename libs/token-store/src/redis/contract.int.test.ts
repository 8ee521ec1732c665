import { openWorld } from '@vault-engine/world';
import { Redis } from 'ioredis';
import { type BreakableStore, quarantineContract } from '../contract/broken-entries-are-quarantined.ts';
import { type OpenedStore, tokenStoreContract } from '../contract.ts';
import { openRedisStore } from './open.ts';
import { breakEntries } from './testing/break-entries.ts';
import { startPrivateServer } from './testing/start-private-server.ts';

// The suite sends thousands of changes at once. Time limits have tests of their own.
const LONG_LIMITS = { retryForMs: 20_000, attemptMs: 10_000 };

type Opened = BreakableStore & OpenedStore;

const openOnWorld = async (): Promise<Opened> => {
  const world = await openWorld();
  const keyPrefix = `${world.keyPrefix}vault`;
  const [reported, redis] = [[] as BreakableStore['reported'][number][], new Redis(world.redisUrl)];
  const onQuarantined = (entry: (typeof reported)[number]) => void reported.push(entry);
  const store = await openRedisStore({ url: world.redisUrl, keyPrefix, onQuarantined, ...LONG_LIMITS });
  return {
    store,
    openAnother: () => openRedisStore({ url: world.redisUrl, keyPrefix, ...LONG_LIMITS }),
    reported,
    ...breakEntries(redis, keyPrefix),
    close: async () => {
      redis.disconnect();
      await store.close();
      await world.close();
    },
  };
};

// A node in cluster mode rejects scripts whose keys lie in several slots. This one holds all slots, so that a client without
// cluster support can use it.
const openInClusterMode = async (): Promise<Opened> => {
  const server = await startPrivateServer(['--cluster-enabled', 'yes']);
  await server.redis.cluster('ADDSLOTSRANGE', 0, 16_383);
  const reported: BreakableStore['reported'][number][] = [];
  const onQuarantined = (entry: (typeof reported)[number]) => void reported.push(entry);
  const store = await openRedisStore({ url: server.url, onQuarantined, ...LONG_LIMITS });
  return {
    store,
    openAnother: () => openRedisStore({ url: server.url, ...LONG_LIMITS }),
    reported,
    ...breakEntries(server.redis, 'vault'),
    close: async () => {
      await store.close();
      await server.close();
    },
  };
};

for (const [adapter, open] of [
  ['Redis', openOnWorld],
  ['Redis in cluster mode', openInClusterMode],
] as const) {
  tokenStoreContract(adapter, open);
  quarantineContract(adapter, open);
}
