import { runService, type ServiceContext } from '@vault-engine/runtime';
import { Redis } from 'ioredis';
import { readServerConfig, type ServerConfig } from './config.ts';
import { openAuthorizationServer } from './open-authorization-server.ts';
import { inRedis } from './redis-storage.ts';

/** So long a development start may rest before its connections have to be made anew. */
const REFRESH_LIFETIME_S = 30 * 86_400;

/** The OAuth server of the development start. Its grants are in Redis, beside the vault's keys, so that they survive a restart. */
const start = async ({ config, log, part }: ServiceContext<ServerConfig>): Promise<void> => {
  const redis = await part(
    'redis',
    () => connect(config.redis.url, (error) => log.warn('redis does not answer', { error })),
    async (open) => open.disconnect(),
  );
  const { port, client, accessLifetimeS } = config.server;
  const server = await part(
    'authorization-server',
    () =>
      openAuthorizationServer({
        port,
        client,
        lifetimes: { access: accessLifetimeS, refresh: REFRESH_LIFETIME_S },
        storage: inRedis(redis, `${config.redis.keyPrefix}-authorization-server`),
        consentRoute: true,
        onRefresh: (result) => log.info('asked to refresh', { result }),
      }),
    (open) => open.close(),
  );
  log.info('serving OAuth', { address: server.url });
};

const connect = async (url: string, onError: (error: unknown) => void): Promise<Redis> => {
  const redis = new Redis(url, { lazyConnect: true });
  redis.on('error', onError);
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
};

await runService({ name: 'authorization-server', config: () => readServerConfig(process.env), start });
