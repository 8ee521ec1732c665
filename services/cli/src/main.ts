import { fileURLToPath } from 'node:url';
import { hardenProcess } from '@vault-engine/runtime';
import { readEnvironment } from './config.ts';
import { runCli } from './run-cli.ts';
import { processTerminal } from './terminal.ts';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

// What a process of a minute can't close by itself (an inspector, flags) is its caller's own doing.
hardenProcess('');
const code = await runCli(process.argv.slice(2), {
  terminal: processTerminal,
  config: readEnvironment(fromRoot('.local')),
  grantsFile: fromRoot('deploy/engines.yaml'),
  profilesFolder: fromRoot('platform-profiles'),
});
// Clients that still count down to a retry are no reason to stay.
process.exit(code);
