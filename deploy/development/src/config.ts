import { join } from 'node:path';
import { root } from '@vault-engine/local';

/** Ports, folders and prefixes of `npm start`. With other values a second vault runs beside the first. */
export interface StartConfig {
  /** First port of the services: `VAULT_FIRST_PORT`, default 8700. */
  readonly firstPort: number;
  /** Folder of data, keys and logs: `VAULT_STATE_DIR`, default `.local`. */
  readonly stateDir: string;
  /** `VAULT_TOPIC_PREFIX`, default empty. */
  readonly topicPrefix: string;
  /** `VAULT_KEY_PREFIX`, default `vault`. */
  readonly keyPrefix: string;
  /** Folders of further platform profiles: `VAULT_PROFILES`, separated by `:`. The services read the same variable. */
  readonly profileFolders: readonly string[];
}

const FIRST_PORT = 8700;

/** @throws an error that names the invalid variable */
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
  throw new Error(`VAULT_FIRST_PORT is "${value}"; use a port number below 65500`);
};
