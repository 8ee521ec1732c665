import { openWorld } from '@vault-engine/world';
import { tokenStoreContract } from '../contract.ts';
import { openRedisStore } from './open.ts';
import { startPrivateServer } from './testing/start-private-server.ts';

// The suite sends thousands of changes at once. Time limits have tests of their own.
const LONG_LIMITS = { retryForMs: 20_000, attemptMs: 10_000 };

tokenStoreContract('Redis', async () => {
  const world = await openWorld();
  const store = await openRedisStore({ url: world.redisUrl, keyPrefix: `${world.keyPrefix}vault`, ...LONG_LIMITS });
  return {
    store,
    close: async () => {
      await store.close();
      await world.close();
    },
  };
});

// A node in cluster mode rejects scripts whose keys lie in several slots. This one holds all slots, so that a client without
// cluster support can use it.
tokenStoreContract('Redis in cluster mode', async () => {
  const server = await startPrivateServer(['--cluster-enabled', 'yes']);
  await server.redis.cluster('ADDSLOTSRANGE', 0, 16_383);
  const store = await openRedisStore({ url: server.url, ...LONG_LIMITS });
  return {
    store,
    close: async () => {
      await store.close();
      await server.close();
    },
  };
});
