import type avro from 'avsc';
import { ownType } from './avro-types.ts';
import { InvalidRecord } from './errors.ts';
import { holdsOneValue } from './measure.ts';
import type { RecordName } from './records.ts';

/** avsc's `toBuffer` takes memory outside V8's heap for each body, which costs as much as to write it (measured). */
const ROOM = Buffer.allocUnsafeSlow(16_384);

/**
 * The Avro body of `value`, in memory that the next call writes over: take a copy. Throws {@link InvalidRecord}, which names
 * fields and no values.
 */
export const encodeBody = (name: RecordName, value: unknown): Buffer => {
  const body = tryEncode(name, value);
  // Measured, because avsc writes a neighbour of a number that is too large for its arithmetic.
  if (body === null || !holdsOneValue(ownType(name).measure, body)) throw new InvalidRecord(name, misfits(name, value));
  return body;
};

/** avsc's own error shows the value, which may be a secret: it goes no further. */
const tryEncode = (name: RecordName, value: unknown): Buffer | null => {
  try {
    return encode(ownType(name).type, value);
  } catch {
    return null;
  }
};

const encode = (type: avro.Type, value: unknown, into = ROOM): Buffer => {
  const end = type.encode(value, into, 0);
  // Below zero: so many bytes are missing.
  return end < 0 ? encode(type, value, Buffer.allocUnsafe(into.length - end)) : into.subarray(0, end);
};

const misfits = (name: RecordName, value: unknown): readonly string[] => {
  const paths: string[] = [];
  ownType(name).type.isValid(value, { errorHook: (path) => paths.push(path.join('.') || 'the record itself') });
  return paths.length > 0 ? paths : ['a number beyond ±2^52'];
};
