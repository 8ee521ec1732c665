import type { Log, LogFields } from './log.ts';

/**
 * A log for libraries that know their levels and fields themselves. At run time only allow-listed fields reach a line, so
 * the cast tells the compiler what the log checks anyway.
 */
export const driverLog =
  (log: Log) =>
  (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void =>
    log[level](message, fields as LogFields);
