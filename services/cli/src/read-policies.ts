import { readFile } from 'node:fs/promises';
import { COMMAND_NAMES } from '@vault-engine/contracts';
import { type EnginePolicy, readGrants } from '@vault-engine/engines';
import { CliFailure, EXIT } from './failure.ts';

/** The engines of a grants file. Throws `CliFailure` that names every fault. */
export const readPolicies = async (path: string): Promise<ReadonlyMap<string, EnginePolicy>> => {
  const read = readGrants(await textOf(path), COMMAND_NAMES);
  if (read.ok) return read.value;
  const faults = read.faults.map(({ path: at, problem }) => [at, firstLine(problem)].filter(Boolean).join(': '));
  throw new CliFailure(`${path}: ${faults.join('; ')}`, EXIT.configuration);
};

const textOf = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CliFailure(
      `${path} can not be read (${code}): name a grants file such as deploy/engines.yaml`,
      EXIT.usage,
    );
  }
};

/** The parser draws the place in further lines. */
const firstLine = (problem: string): string => problem.split('\n', 1)[0] ?? problem;
