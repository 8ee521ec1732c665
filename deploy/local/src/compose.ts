import type { LocalConfig } from './config.ts';
import type { Started } from './ensure-parts.ts';
import type { Part } from './part.ts';
import { type Log, withProgress } from './progress.ts';
import { root } from './root.ts';
import { runCommand } from './run-command.ts';
import { runAtEnd } from './watchdog.ts';

/** Brings parts up as docker-compose.yml says; their data stay in its volumes. */
export async function startComposed(config: LocalConfig, wanted: readonly Part[], log: Log): Promise<Started> {
  const services = wanted.map((part) => part.name);
  const env = Object.fromEntries(wanted.map((part) => [part.portVariable, String(config.port(part))]));
  const stopCommand = ['docker', 'compose', 'stop', ...services];
  const done = runAtEnd(root, stopCommand);
  const stop = async () => {
    await runCommand({ command: 'docker', args: stopCommand.slice(1), cwd: root, env }, 60_000);
    done();
  };
  const args = ['compose', 'up', '--detach', '--wait', ...services];
  const result = await withProgress(log, `docker compose up ${services.join(' ')}`, () =>
    runCommand({ command: 'docker', args, cwd: root, env }),
  );
  if (!result.ok) {
    await stop();
    throw new Error(`docker compose up failed (${result.reason}): ${result.output.trim().split('\n').at(-1)}`);
  }
  return { addresses: Object.fromEntries(wanted.map((part) => [part.name, part.address(config.port(part))])), stop };
}
