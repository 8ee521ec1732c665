import { createHash } from 'node:crypto';
import type { BusRecord } from '@vault-engine/bus';

/** The facts of a dead letter without its value. */
export interface DeadLetterFacts {
  /** `partition:offset` on the dead-letter topic. */
  readonly position: string;
  /** Time of its record on that topic, ISO 8601. */
  readonly deadSince: string;
  readonly reason: string;
  /** `topic partition:offset` of the original record. */
  readonly from: string;
  /** Engine and command type from the original headers. Unauthenticated. */
  readonly claims: string;
  readonly bytes: number;
}

/** Reads the facts from the headers that the worker and the original sender wrote. */
export const deadLetterFacts = (record: BusRecord): DeadLetterFacts => ({
  position: `${record.partition}:${record.offset}`,
  deadSince: new Date(record.timestamp).toISOString(),
  reason: text(record, 'kafka_dlt-exception-message'),
  from: `${text(record, 'kafka_dlt-original-topic')} ${number(record, 'kafka_dlt-original-partition')}:${number(record, 'kafka_dlt-original-offset')}`,
  claims: `${text(record, 'x-engine-id')} ${text(record, 'x-command-type')}`,
  bytes: record.value?.length ?? 0,
});

/** The line of a dead letter in the list. */
export const deadLetterLine = ({ position, deadSince, reason, from, claims, bytes }: DeadLetterFacts): string =>
  `${position.padEnd(8)} ${deadSince}  ${reason.padEnd(32)} ${String(bytes).padStart(7)} B  from ${from}, claims ${claims}`;

const SHOWN_BYTES = 512;

/** The full description of a dead letter. The value may be arbitrary bytes: its beginning is printed in hex. */
export const deadLetterLines = (record: BusRecord, readsAs: string): readonly string[] => {
  const value = record.value ?? Buffer.alloc(0);
  const facts = deadLetterFacts(record);
  const shown = value.subarray(0, SHOWN_BYTES);
  return [
    deadLetterLine(facts),
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

/** A big-endian int32 or int64, the encoding of Spring Kafka's dead-letter headers. */
const number = ({ headers }: BusRecord, name: string): string => {
  const value = headers[name];
  if (value?.length === 4) return String(value.readInt32BE());
  return value?.length === 8 ? String(value.readBigInt64BE()) : '-';
};

/** Escapes bytes of the sender, which must not reach the terminal as control sequences. */
const printable = (bytes: Buffer): string => {
  const ascii = bytes.toString('latin1');
  return /^[\x20-\x7e]{0,200}$/.test(ascii)
    ? ascii
    : `0x${bytes.subarray(0, 64).toString('hex')}${bytes.length > 64 ? '…' : ''}`;
};
