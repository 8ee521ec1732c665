import { runCommand } from './run-command.ts';
import { findOnPath } from './tools.ts';

/** Whether a Docker engine answers; the client alone is not enough. */
export async function dockerAnswers(environment: NodeJS.ProcessEnv): Promise<boolean> {
  const docker = findOnPath('docker', environment);
  if (!docker) return false;
  return (await runCommand({ command: docker, args: ['version', '--format', '{{.Server.Version}}'] }, 10_000)).ok;
}
