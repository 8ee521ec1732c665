import type { FurtherPlatforms } from './write-platforms.ts';

/** One service of the development start. */
export interface ServicePlan {
  readonly name: string;
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  /** Base URL of `/metrics`, `/healthz` and `/readyz`. */
  readonly operations: string;
  /** A second port. */
  readonly port?: number;
}

/** Addresses, prefixes and files for the services. */
export interface VaultPlace {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly redisUrl: string;
  readonly topicPrefix: string;
  readonly keyPrefix: string;
  readonly keyFile: string;
  /** First port of the services. */
  readonly firstPort: number;
  /** Platforms beside those of `platform-profiles`. */
  readonly further?: FurtherPlatforms;
}

/** All ports as offsets from `firstPort`. The name of a service stands for its port of metrics and health. */
const PORTS = {
  rest: 0,
  'command-worker': 1,
  gateway: 2,
  'status-projector': 3,
  oauth: 4,
  'refresh-scheduler': 5,
  'example-sync-engine': 6,
  'authorization-server': 9,
} as const;

/** Port of the REST API. */
export const gatewayPort = ({ firstPort }: Pick<VaultPlace, 'firstPort'>): number => firstPort + PORTS.rest;

/** Port of the OAuth server of `npm start`. */
export const authorizationServerPort = ({ firstPort }: Pick<VaultPlace, 'firstPort'>): number =>
  firstPort + PORTS.oauth;

/** Every service of the vault. */
export const servicePlans = (place: VaultPlace): readonly ServicePlan[] => [
  plan(place, 'command-worker', PORTS['command-worker'], {}),
  plan(place, 'status-projector', PORTS['status-projector'], {}),
  plan(place, 'refresh-scheduler', PORTS['refresh-scheduler'], {}),
  {
    ...plan(place, 'gateway', PORTS.gateway, {
      VAULT_GATEWAY_HOST: '127.0.0.1',
      VAULT_GATEWAY_PORT: String(gatewayPort(place)),
    }),
    port: gatewayPort(place),
  },
];

/** Name of the OAuth server of `npm start`. */
export const AUTHORIZATION_SERVER = 'authorization-server';

/** The OAuth server of `npm start`, at which the vault is registered as `client`. Not a service of the vault. */
export const authorizationServerPlan = (
  place: VaultPlace,
  client: { readonly id: string; readonly secretFile: string },
): ServicePlan => ({
  ...plan(place, AUTHORIZATION_SERVER, PORTS[AUTHORIZATION_SERVER], {
    VAULT_AUTHORIZATION_SERVER_PORT: String(authorizationServerPort(place)),
    VAULT_AUTHORIZATION_SERVER_CLIENT_ID: client.id,
    VAULT_AUTHORIZATION_SERVER_CLIENT_SECRET_FILE: client.secretFile,
    VAULT_AUTHORIZATION_SERVER_ACCESS_LIFETIME_S: '120',
  }),
  entry: 'deploy/authorization-server/src/main.ts',
  port: authorizationServerPort(place),
});

/** The example engine, which follows the connection states. Not a service of the vault. */
export const SYNC_ENGINE = 'example-sync-engine';

export const syncEnginePlan = (place: VaultPlace): ServicePlan => ({
  ...plan(place, SYNC_ENGINE, PORTS[SYNC_ENGINE], {}),
  entry: 'deploy/development/src/example-sync-engine.ts',
});

/** The plan of a service whose metrics port is `firstPort + offset`. */
export const plan = (
  place: VaultPlace,
  name: string,
  offset: number,
  env: Readonly<Record<string, string>>,
): ServicePlan => ({
  name,
  entry: `services/${name}/src/main.ts`,
  env: {
    VAULT_ENV: 'development',
    VAULT_KAFKA_BROKERS: place.brokers.join(','),
    VAULT_REGISTRY_URL: place.registryUrl,
    VAULT_REDIS_URL: place.redisUrl,
    VAULT_TOPIC_PREFIX: place.topicPrefix,
    VAULT_KEY_PREFIX: place.keyPrefix,
    VAULT_KEY_WRAPPER: 'local',
    VAULT_LOCAL_KEY_FILE: place.keyFile,
    VAULT_METRICS_PORT: String(place.firstPort + offset),
    VAULT_ALLOW_INSECURE_LOOPBACK: '1',
    ...(REFRESHING.has(name) ? refreshEnvironment(place) : {}),
    ...env,
  },
  operations: `http://127.0.0.1:${place.firstPort + offset}`,
});

/** The services that call providers. Only they get the client secrets. */
const REFRESHING: ReadonlySet<string> = new Set(['command-worker', 'refresh-scheduler']);

/** Further environment variables of a process that refreshes tokens: profile folders and client registrations. */
export const refreshEnvironment = ({ further }: VaultPlace): Readonly<Record<string, string>> =>
  further === undefined || further.profileFolders.length === 0
    ? {}
    : { VAULT_PROFILES: further.profileFolders.join(':'), ...further.clients };
