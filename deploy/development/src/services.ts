/** One service of the development start. */
export interface ServicePlan {
  readonly name: string;
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where it serves `/metrics`, `/healthz` and `/readyz`. */
  readonly operations: string;
}

/** What the services are run with. */
export interface VaultPlace {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly redisUrl: string;
  readonly topicPrefix: string;
  readonly keyPrefix: string;
  readonly keyFile: string;
  /** The first of the ports that the services take. */
  readonly firstPort: number;
}

/** The gateway's own port. */
export const gatewayPort = ({ firstPort }: VaultPlace): number => firstPort;

/** Every service of the vault, in the order in which they start. */
export const servicePlans = (place: VaultPlace): readonly ServicePlan[] => [
  plan(place, 'command-worker', 1, {}),
  plan(place, 'status-projector', 3, {}),
  plan(place, 'gateway', 2, { VAULT_GATEWAY_HOST: '127.0.0.1', VAULT_GATEWAY_PORT: String(gatewayPort(place)) }),
];

/** A service on the port `firstPort + offset`. */
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
    ...env,
  },
  operations: `http://127.0.0.1:${place.firstPort + offset}`,
});
