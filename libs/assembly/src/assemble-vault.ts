import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { kafkaJournal } from '@vault-engine/audit';
import { type Bus, connectBus, createPublisher, type Publisher } from '@vault-engine/bus';
import { COMMAND_RETENTION_MS, type Codec, openCodec, type TopicNames, topicNames } from '@vault-engine/contracts';
import { createBranchKeys, createDataKeys, openWrapper } from '@vault-engine/kms';
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
import type { RedisStore } from '@vault-engine/token-store';
import {
  createRefresher,
  type DataKeys,
  type KeyWrapper,
  type Providers,
  type Refresher,
  type Vault,
} from '@vault-engine/vault';
import { openStore } from './open-store.ts';

/** The configuration sections of an assembled vault: spread them into the service's own. */
export const vaultSettings = {
  kafka: kafkaSettings,
  registry: registrySettings,
  redis: redisSettings,
  key: keySettings,
  profiles: profileSettings,
} as const;

/** What {@link vaultSettings} add to a service's configuration. */
export interface VaultConfig extends ServiceConfig {
  readonly kafka: KafkaSettings;
  readonly registry: { readonly url: string };
  readonly redis: RedisSettings;
  readonly key: KeySettings;
  readonly profiles: ProfileSettings;
}

/** A vault, and the parts of it that services also use directly. */
export interface AssembledVault {
  readonly vault: Vault;
  /** Drained when the service stops, after the parts that are opened later are closed. */
  readonly refresher: Refresher;
  readonly catalog: ProfileCatalog;
  readonly wrapper: Awaited<ReturnType<typeof openWrapper>>;
  readonly codec: Codec;
  readonly bus: Bus;
  readonly topics: TopicNames;
}

type Context = ServiceContext<VaultConfig>;

const PROFILES = fileURLToPath(new URL('../../../platform-profiles', import.meta.url));
/** Dedupe records outlive the command's record in Kafka: its retention, and the time until its segment is deleted. */
const DEDUPE_TTL_MS = 2 * COMMAND_RETENTION_MS;
/** How long one attempt waits for the acknowledgement of an audit record or event, the same as for the store. */
const JOURNAL_MS = 1_500;
/** A service has 20 s to stop; its other parts need some of them. */
const DRAIN_MS = 8_000;

/** Opens the parts of a vault, in order. `clientId` is the service's name at the brokers; `env` holds the OAuth client secrets. */
export const assembleVault = async (
  context: Context,
  { clientId, env }: { readonly clientId: string; readonly env: Environment },
): Promise<AssembledVault> => {
  const { config, log, part } = context;
  const topics = topicNames(config.kafka.topicPrefix);
  const catalog = await openCatalog([PROFILES, ...config.profiles.folders], config.profiles);
  for (const platform of catalog.replaced) log.info('shipped platform profile replaced', { platform });
  const wrapper = await part('keys', () => openWrapper(config.key));
  const codec = await part('registry', () => openCodec({ registryUrl: config.registry.url }));
  const store = await openStore(context);
  const bus = connectBus({ ...config.kafka, clientId, log: driverLog(log) });
  context.watch('kafka-rights', () => bus.probe());
  const vault: Vault = {
    store,
    keys: openDataKeys(context, wrapper, store),
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

/** Opens the keys that the wrapper protects. While a branch key can't be had the service is unready; cached keys stay in use. */
const openDataKeys = (
  { config, watch }: Context,
  wrapper: KeyWrapper,
  { branchKeys: stored }: RedisStore,
): DataKeys => {
  const { environment: env } = config;
  const { branches, outageMs } = config.key;
  const branchKeys = createBranchKeys({ wrapper, store: stored, env, branches: Math.max(1, branches), outageMs });
  watch('keys', () => branchKeys.probe());
  return createDataKeys({ wrapper, env, branchKeys, wrapUnderBranches: branches > 0 });
};

/** A spent refresh token has to be replaced: the stop waits for refreshes in flight. */
const openRefresher = ({ log, part }: Context, vault: Vault): Promise<Refresher> =>
  part(
    'renewals',
    () => createRefresher(vault, { sleep, random: Math.random }),
    async (refresher) => {
      if (!(await refresher.drain(DRAIN_MS)))
        log.warn('stopped with refreshes in flight', {
          count: refresher.underWay,
        });
    },
  );

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
  const clients = readClientCredentials(env, catalog.all());
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
