import type avro from 'avsc';
import { ownType } from './avro-types.ts';
import { InvalidRecord } from './errors.ts';
import { holdsOneValue } from './measure.ts';
import type { RecordName } from './records.ts';

/** Reused for every body: avsc's `toBuffer` allocates outside V8's heap each time, which costs as much as encoding (measured). */
const SCRATCH = Buffer.allocUnsafeSlow(16_384);

/**
 * The Avro body of `value`. The next call overwrites its memory: copy it. Throws {@link InvalidRecord}, which names fields
 * and never shows values.
 */
export const encodeBody = (name: RecordName, value: unknown): Buffer => {
  const body = tryEncode(name, value);
  // avsc encodes a long beyond ±2^52 as a different number; measuring the body detects it.
  if (body === null || !holdsOneValue(ownType(name).measure, body)) throw new InvalidRecord(name, misfits(name, value));
  return body;
};

/** avsc's own error shows the value, which may be a secret, so the error is not passed on. */
const tryEncode = (name: RecordName, value: unknown): Buffer | null => {
  try {
    return encode(ownType(name).type, value);
  } catch {
    return null;
  }
};

const encode = (type: avro.Type, value: unknown, into = SCRATCH): Buffer => {
  const end = type.encode(value, into, 0);
  // Negative: the number of missing bytes.
  return end < 0 ? encode(type, value, Buffer.allocUnsafe(into.length - end)) : into.subarray(0, end);
};

const misfits = (name: RecordName, value: unknown): readonly string[] => {
  const paths: string[] = [];
  ownType(name).type.isValid(value, { errorHook: (path) => paths.push(path.join('.') || 'the record itself') });
  return paths.length > 0 ? paths : ['a number beyond ±2^52'];
};
