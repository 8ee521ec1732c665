/** Where the real parts answer. */
export type PartAddresses = {
  readonly brokers: string[];
  /** The Confluent-compatible base URL. */
  readonly registryUrl: string;
  readonly redisUrl: string;
  readonly kmsEndpoint: string;
};

/**
 * Reads the addresses that vitest's global setup puts into the environment.
 *
 * @throws naming every variable that is missing
 */
export function readPartAddresses(environment: NodeJS.ProcessEnv): PartAddresses {
  const missing: string[] = [];
  const read = (name: string): string => {
    const value = environment[name];
    if (!value) missing.push(name);
    return value ?? '';
  };
  const addresses = {
    brokers: read('VAULT_KAFKA_BROKERS').split(','),
    registryUrl: read('VAULT_REGISTRY_URL'),
    redisUrl: read('VAULT_REDIS_URL'),
    kmsEndpoint: read('AWS_ENDPOINT_URL_KMS'),
  };
  if (missing.length > 0) throw new Error(`no real parts: ${missing.join(', ')} not set; run the tests with npm test`);
  return addresses;
}
