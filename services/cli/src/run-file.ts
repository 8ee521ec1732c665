import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { CliFailure, EXIT } from './failure.ts';

/** Where the vault of a development start is: what `npm start` writes when it is ready. */
const runFile = z.object({
  kafka: z.string(),
  registry: z.string(),
  redis: z.string(),
  engines: z.string(),
  providers: z.record(z.string(), z.string()).default({}),
});

/** The part of `.local/run.json` that the CLI needs. */
export type RunFile = z.output<typeof runFile>;

const minted = z.object({ kid: z.string(), key: z.string() });
const enginesFile = z.record(z.string(), minted.extend({ kafka: minted.optional() }));

/** Null where no development start is running. */
export const readRunFile = (path: string): RunFile | null => {
  const content = readJson(path);
  if (content === null) return null;
  const parsed = runFile.safeParse(content);
  if (!parsed.success) throw new CliFailure(`${path} is not what npm start writes: start it again`, EXIT.configuration);
  return parsed.data;
};

/** The credential for Kafka that a development start gave the engine. */
export const developmentKey = (path: string, engine: string): string => {
  const parsed = enginesFile.safeParse(readJson(path));
  if (!parsed.success) throw new CliFailure(`${path} holds no engines: run npm start again`, EXIT.configuration);
  const known = Object.hasOwn(parsed.data, engine) ? parsed.data[engine] : undefined;
  if (known?.kafka !== undefined) return known.kafka.key;
  const others = Object.keys(parsed.data).join(', ');
  throw new CliFailure(`${path} has no Kafka key of ${engine}; it has ${others}`, EXIT.usage);
};

/** Null where there is no such file. What is in it is never told: it may hold keys. */
const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new CliFailure(`${path} is not JSON`, EXIT.configuration);
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT') return null;
    throw new CliFailure(`${path} can not be read (${code})`, EXIT.configuration);
  }
};
