import pino, { type DestinationStream } from 'pino';
import { describeError, mask } from './describe-error.ts';
import type { LogLevel } from './settings.ts';

/** The type of a field's value. */
type Loggable = string | number | bigint | boolean | null;

/** The names of all log fields, with their kinds. There is no field for the user: the audit log has the user, by request id. */
const FIELDS = {
  action: 'text',
  address: 'text',
  attempt: 'number',
  code: 'text',
  count: 'number',
  delayMs: 'number',
  durationMs: 'number',
  engine: 'text',
  environment: 'text',
  file: 'text',
  generation: 'number',
  group: 'text',
  keyId: 'text',
  lag: 'number',
  limit: 'number',
  member: 'text',
  offset: 'text',
  part: 'text',
  partition: 'number',
  partitions: 'number',
  platform: 'text',
  port: 'number',
  reason: 'text',
  remedy: 'text',
  requestId: 'text',
  result: 'text',
  revision: 'number',
  schemaId: 'number',
  signal: 'text',
  state: 'text',
  status: 'number',
  subject: 'text',
  topic: 'text',
  traceId: 'text',
  type: 'text',
  version: 'number',
} as const satisfies Record<string, 'text' | 'number'>;

type FieldName = keyof typeof FIELDS;

/** The fields that a log line can have. `error` is logged by name and code; see `describeError`. */
export type LogFields = {
  readonly [Name in FieldName]?: (typeof FIELDS)[Name] extends 'text' ? string | null : number | bigint | null;
} & { readonly error?: unknown };

/** Writes one JSON line. `message` is a string literal; values go into fields. */
type Write = (message: string, fields?: LogFields) => void;

/** A log whose lines hold allow-listed fields alone. */
export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  readonly fatal: Write;
  /** The same log with fields on every line. */
  readonly with: (fields: LogFields) => Log;
}

export interface LogOptions {
  /** The field `service` of every line. */
  readonly service: string;
  readonly level: LogLevel;
  /** Standard output where none is given. */
  readonly destination?: DestinationStream;
}

/**
 * Opens a log of JSON lines. Lines are written synchronously, so that the last lines before an exit are not lost. The price:
 * while the reader of a pipe on standard output does not read, a full pipe (64 KiB on Linux) blocks the event loop, and
 * with it heartbeats and leases. Standard output has to go to a file or to a reader that never stops, such as a container
 * runtime's log driver in its default mode.
 */
export const createLog = ({
  service,
  level,
  destination = pino.destination({ fd: 1, sync: true }),
}: LogOptions): Log => {
  const logger = pino(
    {
      level,
      base: { service },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return logOf(logger, {});
};

/** A log that writes nothing, for tests. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  fatal: () => {},
  with: () => silentLog,
};

const logOf = (logger: pino.Logger, always: LogFields): Log => {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error' | 'fatal'): Write =>
    (message, fields = {}) => {
      if (logger.isLevelEnabled(level)) logger[level](allowed({ ...always, ...fields }), mask(message));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    with: (fields) => logOf(logger, { ...always, ...fields }),
  };
};

/** Types are not checked at run time: a field that is not on the list, or not primitive, is left out. */
const allowed = ({ error, ...fields }: LogFields) => ({
  ...Object.fromEntries(
    Object.entries(fields)
      .filter(([name, value]) => Object.hasOwn(FIELDS, name) && isLoggable(value))
      .map(([name, value]) => [name, typeof value === 'string' ? mask(value) : presentable(value)]),
  ),
  ...(error !== undefined && { error: describeError(error) }),
});

const isLoggable = (value: unknown): value is Loggable =>
  value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);

/** JSON has no bigint. */
const presentable = (value: unknown) => (typeof value === 'bigint' ? value.toString() : value);
