import type { CliConfig } from './config.ts';
import type { Terminal } from './terminal.ts';

/** What every command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly config: CliConfig;
  /** `deploy/engines.yaml` of this checkout: where no other file is named. */
  readonly grantsFile: string;
  /** `platform-profiles` of this checkout. */
  readonly profilesFolder: string;
}
