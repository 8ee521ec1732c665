import { runService, type ServiceContext } from '@vault-engine/runtime';
import { Redis } from 'ioredis';
import { readServerConfig, type ServerConfig } from './config.ts';
import { inRedis } from './grant-storage.ts';
import { openAuthorizationServer } from './open-authorization-server.ts';

/** A development setup may be idle this long before its users have to connect again. */
const REFRESH_LIFETIME_S = 30 * 86_400;

/** The OAuth server of the development start. Its grants are in the vault's Redis, so that they survive a restart. */
const start = async ({ config, log, part }: ServiceContext<ServerConfig>): Promise<void> => {
  const redis = await part(
    'redis',
    () => connect(config.redis.url, (error) => log.warn('redis connection failed', { error })),
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
        onRefresh: (result) => log.info('refresh request answered', { result }),
      }),
    (open) => open.close(),
  );
  log.info('authorization server listening', { address: server.url });
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
