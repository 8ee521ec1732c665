import { mask } from './mask.ts';

/** An error as it may be logged. */
export interface DescribedError {
  readonly name: string;
  readonly code?: string;
  /** Present only where the class is known to put no value of a command into its message. */
  readonly message?: string;
  /** Where it was thrown: functions and positions, without the message that a stack starts with. */
  readonly frames?: readonly string[];
  readonly cause?: DescribedError;
}

/** Errors of our own whose messages are written for logs: names, counts and states, no value of a command. */
const SAFE_NAMES: ReadonlySet<string> = new Set([
  'BrokenRow',
  'CommandRefused',
  'ConfigRefused',
  'EntryUnconfirmed',
  'InvalidRecord',
  'InvalidWrappedKey',
  'KeyFileRefused',
  'PortUnavailable',
  'ProfilesRefused',
  'PublishFailed',
  'RecordCorrupt',
  'RegistryUnavailable',
  'SchemaMissing',
  'StoreNotDurable',
]);
const DEEPEST_CAUSE = 4;
const MOST_FRAMES = 8;

/**
 * What may be said about an error: its name and code; its message only where the class is known to be safe, because
 * parsers and drivers quote their input in messages (`JSON.parse` does).
 */
export const describeError = (error: unknown, depth = 0): DescribedError => {
  if (!(error instanceof Error)) return { name: `thrown ${typeof error}` };
  const code = codeOf(error);
  const frames = framesOf(error);
  return {
    name: mask(error.name),
    ...(code !== null && { code }),
    ...(isSafe(error) && { message: mask(error.message) }),
    ...(depth === 0 && frames.length > 0 && { frames }),
    ...(error.cause !== undefined && depth < DEEPEST_CAUSE && { cause: describeError(error.cause, depth + 1) }),
  };
};

/** A short text for a state of a part: `PortUnavailable`, `Error ECONNREFUSED`. */
export const errorLabel = (error: unknown): string => {
  const { name, code, cause } = describeError(error);
  const innermost = code ?? cause?.code;
  return innermost === undefined ? name : `${name} ${innermost}`;
};

const codeOf = (error: Error): string | null =>
  'code' in error && (typeof error.code === 'string' || typeof error.code === 'number')
    ? mask(String(error.code))
    : null;

/** System errors name a call, an address or a path: `connect ECONNREFUSED 127.0.0.1:9092`. */
const isSafe = (error: Error): boolean =>
  SAFE_NAMES.has(error.name) || ('syscall' in error && 'errno' in error && typeof error.errno === 'number');

const framesOf = (error: Error): readonly string[] =>
  (error.stack ?? '')
    // A message may have lines of its own, even such as look like a frame: drop it before looking for frames.
    .replace(`${error.message}`, '')
    .split('\n')
    .map((line) => /^ {4}at (.*\S)$/.exec(line)?.[1])
    .filter((frame) => frame !== undefined)
    .slice(0, MOST_FRAMES)
    .map(mask);
