import type { LocalConfig } from './config.ts';
import { installDebianPackage } from './debian-package.ts';
import type { Log } from './progress.ts';
import type { ToolContext } from './tools.ts';

/** What preparing a part may use on this machine. */
export function toolContext({ cacheDir, environment }: LocalConfig, log: Log): ToolContext {
  return { cacheDir, environment, log, installPackage: (name) => installDebianPackage(name, cacheDir, log) };
}
