import { createHash } from 'node:crypto';
import type { BusRecord } from '@vault-engine/bus';

/** What a list says of a dead letter. Nothing of its value. */
export interface LetterFacts {
  /** `partition:offset` on the dead-letter topic. */
  readonly place: string;
  /** When it was put there, ISO 8601. */
  readonly deadSince: string;
  readonly reason: string;
  /** `topic partition:offset` where it stood before. */
  readonly from: string;
  /** The engine and the command type that its headers claim; nobody has checked them. */
  readonly claims: string;
  readonly bytes: number;
}

/** Reads the facts off the headers that the worker and the sender wrote. */
export const letterFacts = (record: BusRecord): LetterFacts => ({
  place: `${record.partition}:${record.offset}`,
  deadSince: new Date(record.timestamp).toISOString(),
  reason: text(record, 'kafka_dlt-exception-message'),
  from: `${text(record, 'kafka_dlt-original-topic')} ${number(record, 'kafka_dlt-original-partition')}:${number(record, 'kafka_dlt-original-offset')}`,
  claims: `${text(record, 'x-engine-id')} ${text(record, 'x-command-type')}`,
  bytes: record.value?.length ?? 0,
});

/** One line for the list. */
export const letterLine = ({ place, deadSince, reason, from, claims, bytes }: LetterFacts): string =>
  `${place.padEnd(8)} ${deadSince}  ${reason.padEnd(32)} ${String(bytes).padStart(7)} B  from ${from}, claims ${claims}`;

const SHOWN_BYTES = 512;

/** All of one letter: the beginning of its bytes in hex, for they may be anything. */
export const letterLines = (record: BusRecord, readsAs: string): readonly string[] => {
  const value = record.value ?? Buffer.alloc(0);
  const facts = letterFacts(record);
  const shown = value.subarray(0, SHOWN_BYTES);
  return [
    letterLine(facts),
    `reads as  ${readsAs}`,
    `sha-256   ${createHash('sha256').update(value).digest('hex')}`,
    `key       ${record.key === null ? 'none' : printable(record.key)}`,
    ...Object.entries(record.headers).map(
      ([name, header]) => `header    ${printable(Buffer.from(name))}: ${printable(header ?? Buffer.alloc(0))}`,
    ),
    `bytes     ${shown.length === value.length ? `all ${value.length}` : `the first ${shown.length} of ${value.length}; --json has all`}`,
    ...hexLines(shown),
  ];
};

const hexLines = (bytes: Buffer): readonly string[] =>
  Array.from(
    { length: Math.ceil(bytes.length / 32) },
    (_, line) => `  ${bytes.subarray(line * 32, line * 32 + 32).toString('hex')}`,
  );

const text = ({ headers }: BusRecord, name: string): string => {
  const value = headers[name];
  return value === undefined ? '-' : printable(value);
};

/** int32 or int64, big endian, as Spring writes them. */
const number = ({ headers }: BusRecord, name: string): string => {
  const value = headers[name];
  if (value?.length === 4) return String(value.readInt32BE());
  return value?.length === 8 ? String(value.readBigInt64BE()) : '-';
};

/** Nothing that a sender wrote may steer the terminal. */
const printable = (bytes: Buffer): string => {
  const ascii = bytes.toString('latin1');
  return /^[\x20-\x7e]{0,200}$/.test(ascii)
    ? ascii
    : `0x${bytes.subarray(0, 64).toString('hex')}${bytes.length > 64 ? '…' : ''}`;
};
