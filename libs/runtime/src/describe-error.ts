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

/** Error classes of this project whose messages hold names, counts and states only, no value of a command. */
const SAFE_NAMES: ReadonlySet<string> = new Set([
  'BrokenRow',
  'CommandRefused',
  'ConfigRefused',
  'EntryUnconfirmed',
  'InvalidRecord',
  'InvalidWrappedKey',
  'KeyFileRefused',
  'PartitionStalled',
  'PortUnavailable',
  'ProfilesRefused',
  'PublishFailed',
  'RecordCorrupt',
  'RegistryUnavailable',
  'RightMissing',
  'SchemaMissing',
  'StoreNotDurable',
]);
const DEEPEST_CAUSE = 4;
const MOST_FRAMES = 8;

/**
 * The loggable description of an error: name and code, and the message only of a class that is known to be safe. Parsers
 * and drivers quote their input in their messages (`JSON.parse` does).
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

/** A short text for the state of a part: `PortUnavailable key_disabled`, `Error ECONNREFUSED`. */
export const errorLabel = (error: unknown): string => {
  const { name, code, cause } = describeError(error);
  const innermost = code ?? reasonOf(error) ?? cause?.code;
  return innermost === undefined ? name : `${name} ${innermost}`;
};

/** The `reason` of an error of our own: a word from a closed list. */
const reasonOf = (error: unknown): string | null =>
  error instanceof Error && SAFE_NAMES.has(error.name) && 'reason' in error && typeof error.reason === 'string'
    ? mask(error.reason)
    : null;

const codeOf = (error: Error): string | null =>
  'code' in error && (typeof error.code === 'string' || typeof error.code === 'number')
    ? mask(String(error.code))
    : null;

/** System errors name a call, an address or a path: `connect ECONNREFUSED 127.0.0.1:9092`. */
const isSafe = (error: Error): boolean =>
  SAFE_NAMES.has(error.name) || ('syscall' in error && 'errno' in error && typeof error.errno === 'number');

const framesOf = (error: Error): readonly string[] =>
  (error.stack ?? '')
    // A message may hold line breaks and text that looks like a frame: it is removed before frames are searched.
    .replace(`${error.message}`, '')
    .split('\n')
    .map((line) => /^ {4}at (.*\S)$/.exec(line)?.[1])
    .filter((frame) => frame !== undefined)
    .slice(0, MOST_FRAMES)
    .map(mask);

/**
 * Patterns of secrets: credentials of engines, JSON Web Tokens, `Bearer …`, values named like a token or a password, and
 * any unbroken run of 40 characters of the base64 alphabet.
 */
const SECRET_LOOKING = [
  /\bvek1\.[^\s"']*/g,
  /\beyJ[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)*/g,
  /\b(Bearer|Basic)\s+[^\s"',]+/gi,
  /\b(access_token|refresh_token|id_token|token|client_secret|secret|password)["']?\s*[:=]\s*["']?[^\s"',;&}]+/gi,
  /\/\/[^\s/@"']*:[^\s/@"']*@/g,
  /[A-Za-z0-9+_=-]{40,}/g,
] as const;

/** Longer text is cut: no intended value of a log line is that long. */
const LONGEST = 512;

/**
 * `value` cut to 512 characters, with everything that matches the pattern of a secret masked. This is the last line of
 * defence: it limits what a mistake discloses. The first is the closed list of log fields.
 */
export const mask = (value: string): string =>
  SECRET_LOOKING.reduce((masked, pattern) => masked.replace(pattern, '[masked]'), value.slice(0, LONGEST));
