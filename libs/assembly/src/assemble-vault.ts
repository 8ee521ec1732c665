import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { kafkaJournal } from '@vault-engine/audit';
import { type Bus, connectBus, createPublisher, type Publisher } from '@vault-engine/bus';
import { COMMAND_RETENTION_MS, type Codec, openCodec, type TopicNames, topicNames } from '@vault-engine/contracts';
import { createDataKeys, openWrapper } from '@vault-engine/kms';
import {
  openCatalog,
  openOutbound,
  openProviders,
  openSharedCircuits,
  openSharedRate,
  type ProfileCatalog,
  readClientCredentials,
} from '@vault-engine/platforms';
import {
  driverLog,
  type Environment,
  type KafkaSettings,
  type KeySettings,
  kafkaSettings,
  keySettings,
  type ProfileSettings,
  profileSettings,
  type RedisSettings,
  redisSettings,
  registrySettings,
  type ServiceConfig,
  type ServiceContext,
} from '@vault-engine/runtime';
import { openRedisStore } from '@vault-engine/token-store';
import { createRefresher, type Providers, type Refresher, type TokenStore, type Vault } from '@vault-engine/vault';

/** The sections of a configuration that a vault is assembled by: spread them into a service's own. */
export const vaultSettings = {
  kafka: kafkaSettings,
  registry: registrySettings,
  redis: redisSettings,
  key: keySettings,
  profiles: profileSettings,
} as const;

/** What a service's configuration has with {@link vaultSettings}. */
export interface VaultConfig extends ServiceConfig {
  readonly kafka: KafkaSettings;
  readonly registry: { readonly url: string };
  readonly redis: RedisSettings;
  readonly key: KeySettings;
  readonly profiles: ProfileSettings;
}

/** A vault, and those of its parts that services use beside it. */
export interface AssembledVault {
  readonly vault: Vault;
  /** Drained when the service stops, behind the parts that are opened later. */
  readonly refresher: Refresher;
  readonly catalog: ProfileCatalog;
  readonly wrapper: Awaited<ReturnType<typeof openWrapper>>;
  readonly codec: Codec;
  readonly bus: Bus;
  readonly topics: TopicNames;
}

type Context = ServiceContext<VaultConfig>;

const PROFILES = fileURLToPath(new URL('../../../platform-profiles', import.meta.url));
/** Outcomes are remembered longer than a command can be read again: its retention, and what of a segment outlasts it. */
const DEDUPE_TTL_MS = 2 * COMMAND_RETENTION_MS;
/** How long one attempt waits for an audit record or events to be acknowledged, as it does for the store: callers want an answer. */
const JOURNAL_MS = 1_500;
/** A service has 20 s to stop, and its other parts want some of them. */
const DRAIN_MS = 8_000;

/** Opens the parts of a vault, in order. `clientId` is the service's name at the brokers; `env` holds the client secrets. */
export const assembleVault = async (
  context: Context,
  { clientId, env }: { readonly clientId: string; readonly env: Environment },
): Promise<AssembledVault> => {
  const { config, log, part } = context;
  const topics = topicNames(config.kafka.topicPrefix);
  const catalog = await openCatalog([PROFILES, ...config.profiles.folders], config.profiles);
  const wrapper = await part('keys', () => openWrapper(config.key));
  const codec = await part('registry', () => openCodec({ registryUrl: config.registry.url }));
  const store = await openStore(context);
  const bus = connectBus({ ...config.kafka, clientId, log: driverLog(log) });
  const vault: Vault = {
    store,
    keys: createDataKeys({ wrapper, env: config.environment }),
    journal: kafkaJournal({
      codec,
      auditTo: await openPublisher(context, bus, 'audit-log'),
      eventsTo: await openPublisher(context, bus, 'connection-events'),
      auditTopic: topics.auditLog,
      eventsTopic: topics.connectionEvents,
    }),
    platforms: catalog,
    providers: await reachProviders(context, catalog, env),
    now: Date.now,
    uuid: randomUUID,
    dedupeTtlMs: DEDUPE_TTL_MS,
  };
  return { vault, refresher: await openRefresher(context, vault), catalog, wrapper, codec, bus, topics };
};

/** A refresh token that is spent has to be replaced: what is under way is waited for. */
const openRefresher = ({ log, part }: Context, vault: Vault): Promise<Refresher> =>
  part(
    'renewals',
    () => createRefresher(vault, { sleep, random: Math.random }),
    async (refresher) => {
      if (!(await refresher.drain(DRAIN_MS)))
        log.warn('stopped while a provider was asked: whoever is next finds out what became of it', {
          count: refresher.underWay,
        });
    },
  );

const openStore = async ({ config, log, part, watch }: Context): Promise<TokenStore> => {
  const requireDurable = config.environment === 'production';
  const store = await part(
    'storage',
    () => openRedisStore({ ...config.redis, requireDurable, log }),
    (open) => open.close(),
  );
  watch('storage', () => store.probe());
  return store;
};

const openPublisher = ({ part }: Context, bus: Bus, name: string): Promise<Publisher> =>
  part(
    name,
    () => createPublisher(bus, { sendTimeoutMs: JOURNAL_MS }),
    (open) => open.close(),
  );

const reachProviders = async (
  { config, part }: Context,
  catalog: ProfileCatalog,
  env: Environment,
): Promise<Providers> => {
  const ids = catalog.all().map(({ id }) => id);
  const clients = readClientCredentials(env, ids);
  const outbound = await part(
    'providers',
    async () => openOutbound(config.profiles),
    async (open) => open.close(),
  );
  const rate = await part(
    'rate',
    async () => openSharedRate(config.redis),
    (open) => open.close(),
  );
  const circuits = await part(
    'circuits',
    async () => openSharedCircuits(config.redis),
    (open) => open.close(),
  );
  return openProviders({ catalog, clients, outbound, rate, circuits, now: Date.now, random: Math.random });
};
