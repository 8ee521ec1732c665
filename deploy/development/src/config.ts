import { join } from 'node:path';
import { root } from '@vault-engine/local';

/** Where the vault of one machine runs. Other values than the standard ones let a second vault run beside the first. */
export interface StartConfig {
  /** The first of the ports that the services take: `VAULT_FIRST_PORT`, 8700 where nothing is said. */
  readonly firstPort: number;
  /** Data, keys and logs: `VAULT_STATE_DIR`, `.local` where nothing is said. */
  readonly stateDir: string;
  /** `VAULT_TOPIC_PREFIX`, empty where nothing is said. */
  readonly topicPrefix: string;
  /** `VAULT_KEY_PREFIX`, `vault` where nothing is said. */
  readonly keyPrefix: string;
  /** Folders of further platform profiles: `VAULT_PROFILES`, `:` between. The services read the same variable. */
  readonly profileFolders: readonly string[];
}

const FIRST_PORT = 8700;

/** @throws naming the variable that is wrong */
export const readStartConfig = (environment: NodeJS.ProcessEnv): StartConfig => ({
  firstPort: readPort(environment['VAULT_FIRST_PORT']),
  stateDir: environment['VAULT_STATE_DIR'] || join(root, '.local'),
  topicPrefix: environment['VAULT_TOPIC_PREFIX'] ?? '',
  keyPrefix: environment['VAULT_KEY_PREFIX'] || 'vault',
  profileFolders: (environment['VAULT_PROFILES'] ?? '').split(':').filter((folder) => folder !== ''),
});

const readPort = (value: string | undefined): number => {
  if (value === undefined || value === '') return FIRST_PORT;
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65_500) return port;
  throw new Error(`VAULT_FIRST_PORT is "${value}": it is a port number`);
};
