import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hardenProcess } from '@vault-engine/runtime';
import { readEnvironment } from './config.ts';
import { runCli } from './program.ts';
import { processTerminal } from './terminal.ts';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const versionIn = (path: string): string => {
  const { version }: { version: string } = JSON.parse(readFileSync(path, 'utf8'));
  return version;
};

// The hardening warnings (an open inspector, unsafe flags) are not printed: they concern the caller's own command line.
hardenProcess('');
const code = await runCli(process.argv.slice(2), {
  terminal: processTerminal,
  config: readEnvironment(fromRoot('.local')),
  version: versionIn(fromRoot('package.json')),
  grantsFile: fromRoot('deploy/engines.yaml'),
  profilesFolder: fromRoot('platform-profiles'),
});
// A client that still waits for a retry must not keep the process alive.
process.exit(code);
