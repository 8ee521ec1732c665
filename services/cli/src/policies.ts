import { readFile } from 'node:fs/promises';
import { COMMAND_NAMES } from '@vault-engine/contracts';
import { type EnginePolicy, readGrants } from '@vault-engine/engines';
import { CliFailure, EXIT } from './failure.ts';

/** Reads the engines of a grants file. Throws a `CliFailure` that names every fault. */
export const readPolicies = async (path: string): Promise<ReadonlyMap<string, EnginePolicy>> => {
  const read = readGrants(await readText(path), COMMAND_NAMES);
  if (read.ok) return read.value;
  const faults = read.faults.map(({ path: at, problem }) => [at, firstLine(problem)].filter(Boolean).join(': '));
  throw new CliFailure(`${path}: ${faults.join('; ')}`, EXIT.configuration);
};

const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CliFailure(
      `${path} cannot be read (${code}): name a grants file such as deploy/engines.yaml`,
      EXIT.usage,
    );
  }
};

/** The YAML parser appends an excerpt of the file in further lines. */
const firstLine = (problem: string): string => problem.split('\n', 1)[0] ?? problem;

/**
 * The differences between two policies, one per line: a changed rate as `old → new`, an added right with `+`, a removed
 * one with `-`. `from` is null for a new engine.
 */
export const policyChanges = (from: EnginePolicy | null, to: EnginePolicy): readonly string[] => {
  const [before, after] = [rightsOf(from?.grants ?? []), rightsOf(to.grants)];
  return [
    ...rateChange(from, to),
    ...[...after].filter((right) => !before.has(right)).map((right) => `+ ${right}`),
    ...[...before].filter((right) => !after.has(right)).map((right) => `- ${right}`),
  ];
};

const rateChange = (from: EnginePolicy | null, to: EnginePolicy): readonly string[] => {
  if (from === null) return [`rate ${rateText(to)}`];
  return rateText(from) === rateText(to) ? [] : [`rate ${rateText(from)} → ${rateText(to)}`];
};

/** A rate in words: `5/s, burst 10`. */
export const rateText = ({ rate }: Pick<EnginePolicy, 'rate'>): string => `${rate.perSecond}/s, burst ${rate.burst}`;

const rightsOf = (grants: EnginePolicy['grants']): ReadonlySet<string> =>
  new Set(
    grants.flatMap(({ operations, platforms }) =>
      operations.flatMap((operation) => platforms.map((platform) => `${operation} on ${platform}`)),
    ),
  );
