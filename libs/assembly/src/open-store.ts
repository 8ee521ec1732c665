import type { RedisSettings, ServiceConfig, ServiceContext } from '@vault-engine/runtime';
import { openRedisStore } from '@vault-engine/token-store';
import type { TokenStore } from '@vault-engine/vault';

/** What a service's configuration has that opens the token store. */
export interface StoreConfig extends ServiceConfig {
  readonly redis: RedisSettings;
}

/**
 * Opens the token store on Redis as the part `storage`, and watches it. In production a Redis whose settings may lose
 * acknowledged writes is refused.
 */
export const openStore = async ({ config, log, part, watch }: ServiceContext<StoreConfig>): Promise<TokenStore> => {
  const requireDurable = config.environment === 'production';
  const store = await part(
    'storage',
    () => openRedisStore({ ...config.redis, requireDurable, log }),
    (open) => open.close(),
  );
  watch('storage', () => store.probe());
  return store;
};
