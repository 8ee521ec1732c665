import type { Program } from './child.ts';
import { readLocalConfig } from './config.ts';
import { cached } from './download-cache.ts';
import { MissingPart } from './missing-part.ts';
import type { Log } from './progress.ts';
import { type CommandResult, runCommand } from './run-command.ts';
import { toolContext } from './tool-context.ts';
import { findOnPath, findPython, type ToolContext } from './tools.ts';

/** A Python that finds what it was asked for. */
type Python = Required<Pick<Program, 'command' | 'env'>>;

/** What a script needs beside Python itself. */
export type PythonNeeds = {
  /** The module that it imports. */
  readonly module: string;
  /** The package that has it, with its version, which is fetched where no Python of this machine has the module. */
  readonly requirement: string;
};

/**
 * Runs a Python script to its end.
 *
 * @throws MissingPart when the machine has no Python, or not the module and no way to fetch it
 */
export async function runPython(
  script: string,
  needs: PythonNeeds,
  log: Log = () => undefined,
): Promise<CommandResult> {
  const { command, env } = await pythonWith(toolContext(readLocalConfig(), log), needs);
  return runCommand({ command, args: ['-B', script], env }, 120_000);
}

async function pythonWith(context: ToolContext, { module, requirement }: PythonNeeds): Promise<Python> {
  const command = findOnPath('python3', context.environment);
  const has = command !== undefined && (await runCommand({ command, args: ['-c', `import ${module}`] }, 60_000)).ok;
  return has ? { command, env: {} } : installPython(context, requirement.replace('==', '-'), [requirement]);
}

/**
 * A Python for which packages were fetched, once, into a folder of their own: a system's Python refuses packages beside
 * its own (PEP 668).
 *
 * @throws MissingPart
 */
export async function installPython(
  context: ToolContext,
  name: string,
  requirements: readonly string[],
): Promise<Python> {
  const command = await findPython(context);
  const modules = await cached(context.cacheDir, name, context.log, async (folder) => {
    const args = ['-m', 'pip', 'install', '--quiet', '--no-input', '--target', folder, ...requirements];
    const result = await runCommand({ command, args });
    if (result.ok) return;
    const cause = result.output.trim().slice(-300);
    throw new MissingPart(`pip could not fetch ${name} (${result.reason}): check the network. ${cause}`);
  });
  return { command, env: { PYTHONPATH: modules } };
}
