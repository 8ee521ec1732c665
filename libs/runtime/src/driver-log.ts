import type { Log, LogFields } from './log.ts';

/** The names that drivers use, and the log fields that they stand for. */
const OUR_NAMES: Readonly<Record<string, string>> = {
  broker: 'address',
  generationId: 'generation',
  groupId: 'group',
  memberId: 'member',
  retryCount: 'attempt',
};

/**
 * The log that a driver writes to with its own levels and fields. A driver must not put a key, a value or a header of a
 * record into a text. An `error` that is a text becomes the field `reason`.
 */
export const driverLog =
  (log: Log) =>
  (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void =>
    log[level](message, ourFields(fields));

const ourFields = (fields: Readonly<Record<string, unknown>>): LogFields => {
  const renamed = Object.entries(fields).map(([name, value]) => [
    name === 'error' && typeof value === 'string' ? 'reason' : (OUR_NAMES[name] ?? name),
    value,
  ]);
  // The log checks the names and kinds of fields at run time and leaves out the others.
  return Object.fromEntries(renamed) as LogFields;
};
