import { openWorld } from '@vault-engine/world';
import { tokenStoreContract } from '../contract.ts';
import { openRedisStore } from './open.ts';
import { startPrivateServer } from './start-private-server.ts';

tokenStoreContract('Redis', async () => {
  const world = await openWorld();
  const store = await openRedisStore({ url: world.redisUrl, keyPrefix: `${world.keyPrefix}vault` });
  return {
    store,
    close: async () => {
      await store.close();
      await world.close();
    },
  };
});

// A node in cluster mode refuses scripts whose keys lie in several slots. It holds all slots here, so that a client that
// knows no cluster can speak to it.
tokenStoreContract('Redis in cluster mode', async () => {
  const server = await startPrivateServer(['--cluster-enabled', 'yes']);
  await server.redis.cluster('ADDSLOTSRANGE', 0, 16_383);
  const store = await openRedisStore({ url: server.url, retryForMs: 10_000 });
  return {
    store,
    close: async () => {
      await store.close();
      await server.close();
    },
  };
});
