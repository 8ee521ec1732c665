import { isEngineId, isKid } from '@vault-engine/protocol';
import { CliFailure, EXIT } from './failure.ts';

/*
 * Arguments are validated here and not by commander's own parsers: their messages repeat the argument, which may be a
 * credential that was pasted by mistake.
 */

const usageError = (message: string): CliFailure => new CliFailure(message, EXIT.usage);

/** Parses an engine id. */
export const engineId = (value: string): string => {
  if (isEngineId(value)) return value;
  throw usageError('invalid engine id: use a-z, 0-9 and -, beginning with a letter');
};

/** Parses a key id. */
export const keyId = (value: string): string => {
  if (isKid(value)) return value;
  throw usageError('invalid key id: use the 8 hex digits between the dots of a credential');
};

/** Parses an integer from `least` to `most`; `option` names it in the error. */
export const wholeNumber = (option: string, value: string, least: number, most: number): number => {
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw usageError(`${option} takes a whole number from ${least} to ${most}`);
};

/** Parses a point in time: Unix seconds, or ISO 8601 with a time zone. */
export const pointInTime = (option: string, value: string): Date => {
  const time = /^\d{1,12}$/.test(value) ? new Date(Number(value) * 1000) : new Date(ZONED.test(value) ? value : '');
  if (!Number.isNaN(time.getTime())) return time;
  throw usageError(`${option} takes Unix seconds or ISO 8601, for example 2027-01-31T12:00:00Z`);
};

const ZONED = /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/;

/** Parses a point in time before `now`: a duration such as `30m`, `12h` or `7d`, or a time as in {@link pointInTime}. */
export const pastTime = (option: string, value: string, now: Date): Date => {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(value) ?? [];
  if (count === undefined || unit === undefined) return pointInTime(option, value);
  return new Date(now.getTime() - Number(count) * (UNIT_MS[unit] ?? 0));
};

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses `name=value` pairs. */
export const pairs = (option: string, values: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf('=');
      if (at < 1) throw usageError(`${option} takes name=value`);
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );

/** The position of a record in a topic. */
export interface Position {
  readonly partition: number;
  readonly offset: bigint;
}

/** Parses `partition:offset`. */
export const position = (option: string, value: string): Position => {
  const [, partition, offset] = /^(\d{1,6}):(\d{1,18})$/.exec(value) ?? [];
  if (partition === undefined || offset === undefined)
    throw usageError(`${option} takes partition:offset, for example 0:17`);
  return { partition: Number(partition), offset: BigInt(offset) };
};
