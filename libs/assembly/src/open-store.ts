import { beginAtZero, type RedisSettings, type ServiceConfig, type ServiceContext } from '@vault-engine/runtime';
import { type OnQuarantined, openRedisStore, type QuarantineKind, type RedisStore } from '@vault-engine/token-store';
import { Counter } from 'prom-client';

/** What a service's configuration has that opens the token store. */
export interface StoreConfig extends ServiceConfig {
  readonly redis: RedisSettings;
}

/**
 * Opens the token store on Redis as the part `storage`, and watches it. In production a Redis whose settings may lose
 * acknowledged writes is refused. Entries that the store quarantines are logged and counted.
 */
export const openStore = async (context: ServiceContext<StoreConfig>): Promise<RedisStore> => {
  const { config, log, part, watch } = context;
  const requireDurable = config.environment === 'production';
  const onQuarantined = reportQuarantined(context);
  const store = await part(
    'storage',
    () => openRedisStore({ ...config.redis, requireDurable, log, onQuarantined }),
    (open) => open.close(),
  );
  watch('storage', () => store.probe());
  return store;
};

const KINDS: readonly QuarantineKind[] = ['pending', 'due', 'user', 'record'];

const reportQuarantined = ({ log, metrics }: Pick<ServiceContext<unknown>, 'log' | 'metrics'>): OnQuarantined => {
  const quarantined = new Counter({
    name: 'vault_store_quarantined_total',
    help: 'Entries of the token store that do not parse and were moved to the quarantine, by kind',
    labelNames: ['kind'],
    registers: [metrics],
  });
  beginAtZero(quarantined, { kind: KINDS });
  return ({ id, kind, reason }) => {
    quarantined.inc({ kind });
    log.error('stored entry moved to the quarantine', { type: kind, reason, subject: id });
  };
};
