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
  if (document.errors.length > 0) {
    return { ok: false, faults: document.errors.map(({ message }) => ({ path: '', problem: message })) };
  }
  const parsed = grantsFile(operations).safeParse(document.toJS());
  if (!parsed.success) {
    return {
      ok: false,
      faults: parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), problem: message })),
    };
  }
  const policies = Object.entries(parsed.data.engines).map(([engine, { rate, grants }]) => {
    const policy: EnginePolicy = { grants, rate: { perSecond: rate.per_second, burst: rate.burst } };
    return [engine, policy] as const;
  });
  return { ok: true, value: new Map(policies) };
};
