import { readFileSync } from 'node:fs';
import type * as z from 'zod';
import { isMountable } from './variables.ts';

/** Where variables come from: `process.env`, or a plain object in tests. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A group of environment variables, and the value that is made of them. */
export interface Settings<Value> {
  /** Schemas by the name of their environment variable. */
  readonly variables: Readonly<Record<string, z.core.$ZodType>>;
  readonly schema: z.ZodType<Value>;
}

/**
 * Declares {@link Settings}: an object schema whose keys are the names of environment variables, and the function that
 * makes their value. `value` may add issues to its context, with the name of a variable as path. No message may repeat the
 * text of a variable.
 */
export const settings = <Shape extends z.core.$ZodLooseShape, Value>(
  variables: z.ZodObject<Shape>,
  value: (variables: z.output<z.ZodObject<Shape>>, context: z.RefinementCtx) => Value,
): Settings<Value> => ({
  variables: variables.shape,
  schema: variables.transform((output, context) => value(output, context)),
});

/** A wrong variable, without its text. */
export interface ConfigFault {
  readonly variable: string;
  readonly problem: string;
}

/** The configuration cannot be used. The message names each wrong variable and repeats no text of one. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused';
  readonly faults: readonly ConfigFault[];
  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ variable, problem }) => `  ${variable}: ${problem}`);
    super(`the configuration is refused\n${lines.join('\n')}`);
    this.faults = faults;
  }
}

type Sections = Readonly<Record<string, Settings<unknown>>>;
type Config<All extends Sections> = {
  readonly [Name in keyof All]: All[Name] extends Settings<infer Value> ? Value : never;
};

/**
 * Reads every section from `env`. An empty variable counts as absent. Throws {@link ConfigRefused} that lists the faults
 * of all sections at once.
 */
export const readConfig = <All extends Sections>(sections: All, env: Environment): Config<All> => {
  const faults = new Map<string, string>();
  const values = Object.entries(sections).map(([name, section]) => [name, readSection(section, env, faults)]);
  if (faults.size > 0) throw new ConfigRefused([...faults].map(([variable, problem]) => ({ variable, problem })));
  // `values` has one entry for each section, under the section's name.
  return Object.fromEntries(values) as Config<All>;
};

/** Sections share variables (`VAULT_ENV`): a fault is kept once per variable. */
const readSection = <Value>(section: Settings<Value>, env: Environment, faults: Map<string, string>) => {
  const raw = readRaw(section, env, faults);
  const parsed = section.schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const variable = String(issue.path[0] ?? 'VAULT_*');
    if (faults.has(variable)) continue;
    faults.set(variable, raw[variable] === undefined ? `is not set, ${issue.message}` : issue.message);
  }
  return undefined;
};

const readRaw = (section: Settings<unknown>, env: Environment, faults: Map<string, string>) => {
  const raw: Record<string, string> = {};
  for (const [variable, schema] of Object.entries(section.variables)) {
    const value = isMountable(schema) ? readMountable(variable, env, faults) : env[variable];
    if (value !== undefined && value !== '') raw[variable] = value;
  }
  return raw;
};

const readMountable = (variable: string, env: Environment, faults: Map<string, string>): string | undefined => {
  const file = env[`${variable}_FILE`];
  if (file === undefined || file === '') return env[variable];
  if (env[variable]) {
    faults.set(variable, `is given twice, as ${variable} and as ${variable}_FILE`);
    return undefined;
  }
  try {
    // Editors and `echo` end a file with a newline that is not part of the secret.
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    faults.set(variable, `${variable}_FILE names a file that cannot be read (${code})`);
    return undefined;
  }
};
