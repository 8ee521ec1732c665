import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { CliFailure, EXIT } from './failure.ts';

/** The run file: addresses that `npm start` writes when it is ready. */
const runFile = z.object({
  pid: z.int().optional(),
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

/** Reads the run file; null if there is none, that is, if `npm start` is not running. */
export const readRunFile = (path: string): RunFile | null => {
  const content = readJson(path);
  if (content === null) return null;
  const parsed = runFile.safeParse(content);
  if (!parsed.success)
    throw new CliFailure(`${path} is not a run file of npm start; run npm start again`, EXIT.configuration);
  const { pid } = parsed.data;
  if (pid !== undefined && !isAlive(pid))
    throw new CliFailure(
      `${path} is left over from an npm start that has ended; run npm start again`,
      EXIT.configuration,
    );
  return parsed.data;
};

/** Signal 0 only checks whether the process exists. EPERM: it exists and belongs to another user. */
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** The Kafka credential of an engine of `npm start`. */
export const developmentKey = (path: string, engine: string): string => {
  const parsed = enginesFile.safeParse(readJson(path));
  if (!parsed.success) throw new CliFailure(`${path} contains no engines; run npm start again`, EXIT.configuration);
  const known = Object.hasOwn(parsed.data, engine) ? parsed.data[engine] : undefined;
  if (known?.kafka !== undefined) return known.kafka.key;
  const others = Object.keys(parsed.data).join(', ');
  throw new CliFailure(`${path} has no Kafka key of ${engine}; its engines are ${others}`, EXIT.usage);
};

/** Null if the file does not exist. Errors never quote the content: it may contain keys. */
const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new CliFailure(`${path} is not JSON`, EXIT.configuration);
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT') return null;
    throw new CliFailure(`${path} cannot be read (${code})`, EXIT.configuration);
  }
};
