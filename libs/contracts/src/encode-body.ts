import { ownType } from './avro-types.ts';
import { InvalidRecord } from './errors.ts';
import { holdsOneValue } from './measure.ts';
import type { RecordName } from './records.ts';

/** The Avro body of `value`. Throws {@link InvalidRecord}, which names fields and no values. */
export const encodeBody = (name: RecordName, value: unknown): Buffer => {
  const body = tryEncode(name, value);
  // Measured, because avsc writes a neighbour of a number that is too large for its arithmetic.
  if (body === null || !holdsOneValue(ownType(name).measure, body)) throw new InvalidRecord(name, misfits(name, value));
  return body;
};

/** avsc's own error shows the value, which may be a secret: it goes no further. */
const tryEncode = (name: RecordName, value: unknown): Buffer | null => {
  try {
    return ownType(name).type.toBuffer(value);
  } catch {
    return null;
  }
};

const misfits = (name: RecordName, value: unknown): readonly string[] => {
  const paths: string[] = [];
  ownType(name).type.isValid(value, { errorHook: (path) => paths.push(path.join('.') || 'the record itself') });
  return paths.length > 0 ? paths : ['a number beyond ±2^52'];
};
