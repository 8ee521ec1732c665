import { type Bus, connectBus } from '@vault-engine/bus';
import type { KafkaSettings } from '@vault-engine/runtime';
import type { CliConfig } from './config.ts';
import type { Terminal } from './terminal.ts';

/** What every command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly config: CliConfig;
  readonly version: string;
  /** `deploy/engines.yaml` of this checkout: the default of every option that takes a grants file. */
  readonly grantsFile: string;
  /** `platform-profiles` of this checkout. */
  readonly profilesFolder: string;
}

/** Connects to the configured brokers. Opens no connection before the first request. */
export const openBus = ({ brokers, ssl, sasl }: KafkaSettings): Bus =>
  connectBus({ brokers, clientId: 'vault-cli', ssl, sasl });
