import { spawn } from 'node:child_process';
import { signalGroup } from './process-groups.ts';
import { root } from './root.ts';
import { forgetChild, watchChild } from './watchdog.ts';

/**
 * Runs a tool of the workspace with the output of this process, in a process group that ends with this process.
 *
 * @returns its exit code
 */
export function runHere(tool: string, args: readonly string[], end: AbortSignal): Promise<number> {
  const command = tool === 'node' ? process.execPath : `${root}node_modules/.bin/${tool}`;
  const child = spawn(command, [...args], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`${tool}: ${error.message}`);
      resolve(1);
    });
    child.once('spawn', () => {
      const { pid } = child;
      if (pid === undefined) return;
      watchChild(pid);
      end.addEventListener('abort', () => signalGroup(pid, 'SIGTERM'));
      child.once('exit', (code) => {
        forgetChild(pid);
        resolve(code ?? 1);
      });
    });
  });
}
