import type { Program } from './child.ts';
import { readLocalConfig } from './config.ts';
import { toolContext } from './debian-package.ts';
import { cached } from './download-cache.ts';
import { MissingPart } from './missing-part.ts';
import type { Log } from './progress.ts';
import { type CommandResult, runCommand } from './run-command.ts';
import { findOnPath, findPython, type ToolContext } from './tools.ts';

/** A Python command with the environment in which the required modules are found. */
type Python = Required<Pick<Program, 'command' | 'env'>>;

/** The module that a script needs. */
export type PythonNeeds = {
  /** Name of the imported module. */
  readonly module: string;
  /** The package with its version, installed if the machine's Python does not have the module. */
  readonly requirement: string;
};

/**
 * Runs a Python script to its end.
 *
 * @throws MissingPart if Python is missing, or the module is missing and cannot be installed
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
 * Installs packages once into a folder of their own: a system's Python refuses packages in its own folders (PEP 668).
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
    throw new MissingPart(`pip failed to install ${name} (${result.reason}): check the network. ${cause}`);
  });
  return { command, env: { PYTHONPATH: modules } };
}
