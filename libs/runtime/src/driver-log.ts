import type { Log, LogFields } from './log.ts';

/** What drivers call the fields of our lines. */
const OUR_NAMES: Readonly<Record<string, string>> = {
  broker: 'address',
  generationId: 'generation',
  groupId: 'group',
  memberId: 'member',
  retryCount: 'attempt',
};

/**
 * A log for libraries that know their levels and fields themselves; they must not put a key, a value or a header into a
 * text. An error that they made a text of becomes the reason.
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
  // The log checks names and kinds of fields at run time: what is not on its list reaches no line.
  return Object.fromEntries(renamed) as LogFields;
};
