import { GATEWAY } from '@vault-engine/contracts';
import { type Grant, isEngineId, type Rate } from '@vault-engine/protocol';
import { parseDocument } from 'yaml';
import * as z from 'zod';

/** The grants and the rate limit of an engine. */
export interface EnginePolicy {
  readonly grants: readonly Grant[];
  readonly rate: Rate;
}

/** A fault in a grants file: the path within the file and the problem. */
export interface GrantsFault {
  readonly path: string;
  readonly problem: string;
}

const whole = z.int().min(1).max(1_000_000);

const engineId = z
  .string()
  .refine(isEngineId, 'an engine id begins with a letter and has only a-z, 0-9 and -')
  .refine((id) => id !== GATEWAY, `the id ${GATEWAY} is reserved for the gateway`);

const grantsFile = (operations: readonly string[]) =>
  z.strictObject({
    engines: z.record(
      engineId,
      z.strictObject({
        rate: z.strictObject({ per_second: whole, burst: whole }),
        grants: z.array(
          z.strictObject({
            operations: z.array(z.enum(operations)).min(1),
            platforms: z
              .array(z.string().regex(/^(\*|[a-z][a-z0-9-]{0,62})$/, 'expected a platform id, or * for all'))
              .min(1),
          }),
        ),
      }),
    ),
  });

/**
 * Reads a file like `deploy/engines.yaml`: engines by id, each with its rate and grants. `operations` are the existing command types.
 * Returns all faults of the file.
 */
export const readGrants = (
  yaml: string,
  operations: readonly string[],
): { ok: true; value: ReadonlyMap<string, EnginePolicy> } | { ok: false; faults: readonly GrantsFault[] } => {
  const document = parseDocument(yaml);
  const [error] = document.errors;
  // The parser's message quotes the file, which may be a file of secrets that was passed by mistake.
  if (error !== undefined) {
    const [{ line, col }] = error.linePos ?? [{ line: 1, col: 1 }];
    return { ok: false, faults: [{ path: `${line}:${col}`, problem: `not valid YAML (${error.code})` }] };
  }
  const parsed = grantsFile(operations).safeParse(document.toJS());
  if (!parsed.success) {
    return {
      ok: false,
      faults: parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), problem: problemOf(issue) })),
    };
  }
  const policies = Object.entries(parsed.data.engines).map(([engine, { rate, grants }]) => {
    const policy: EnginePolicy = { grants, rate: { perSecond: rate.per_second, burst: rate.burst } };
    return [engine, policy] as const;
  });
  return { ok: true, value: new Map(policies) };
};

/** zod's own messages name its types; ours say what to write. The refinements above have messages of their own. */
const problemOf = (issue: z.core.$ZodIssue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `missing; expected ${NAMES[issue.expected] ?? issue.expected}`
        : `expected ${NAMES[issue.expected] ?? issue.expected}`;
    case 'unrecognized_keys':
      return `unknown keys ${issue.keys.join(', ')}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `expected at least ${issue.minimum}`;
    case 'too_big':
      return `expected at most ${issue.maximum}`;
    default:
      return issue.message;
  }
};

const NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a map',
  record: 'a map',
  int: 'a whole number',
};
