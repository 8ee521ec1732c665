import { isEngineId, isKid } from '@vault-engine/protocol';
import { CliFailure, EXIT } from './failure.ts';

/*
 * Arguments are judged here and not by commander's own parsers, whose messages repeat what was typed: that may be a whole
 * credential, given by mistake.
 */

const wrong = (message: string): CliFailure => new CliFailure(message, EXIT.usage);

/** An engine's id. */
export const engineId = (value: string): string => {
  if (isEngineId(value)) return value;
  throw wrong('that is no engine id: it begins with a letter and has only a-z, 0-9 and -');
};

/** The id of a key. */
export const keyId = (value: string): string => {
  if (isKid(value)) return value;
  throw wrong('that is no key id: it is the 8 hex digits between the dots of a credential');
};

/** A whole number between bounds; `option` names it in the message. */
export const wholeNumber = (option: string, value: string, least: number, most: number): number => {
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw wrong(`${option} takes a whole number from ${least} to ${most}`);
};

/** A point in time: Unix seconds, or a date that says its time zone (ISO 8601). */
export const pointInTime = (option: string, value: string): Date => {
  const time = /^\d{1,12}$/.test(value) ? new Date(Number(value) * 1000) : new Date(ZONED.test(value) ? value : '');
  if (!Number.isNaN(time.getTime())) return time;
  throw wrong(`${option} takes Unix seconds, or a time such as 2027-01-31T12:00:00Z`);
};

const ZONED = /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/;

/** `name=value` pairs. */
export const pairs = (option: string, values: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf('=');
      if (at < 1) throw wrong(`${option} takes name=value`);
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );

/** A place in a topic. */
export interface Position {
  readonly partition: number;
  readonly offset: bigint;
}

/** `partition:offset`. */
export const position = (option: string, value: string): Position => {
  const [, partition, offset] = /^(\d{1,6}):(\d{1,18})$/.exec(value) ?? [];
  if (partition === undefined || offset === undefined) throw wrong(`${option} takes partition:offset, such as 0:17`);
  return { partition: Number(partition), offset: BigInt(offset) };
};
