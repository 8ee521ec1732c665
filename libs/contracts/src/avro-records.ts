import avro from 'avsc';
import { InvalidRecord } from './errors.ts';
import { SCHEMAS } from './generated/schemas.ts';
import { holdsOneValue, type Measure, measureOf } from './measure.ts';
import type { RecordName } from './records.ts';

/** A record's Avro type, and the measure of its bodies. */
export interface OwnType {
  readonly type: avro.Type;
  readonly measure: Measure;
}

/** The avsc type of a schema. It decodes to plain data: records without methods, unions unwrapped where possible. */
export const avroType = (schema: string): avro.Type =>
  avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { omitRecordMethods: true }); // forSchema refuses an invalid schema

const types = new Map<RecordName, OwnType>();

/** This build's type of `name`, created at its first use. */
export const ownType = (name: RecordName): OwnType => {
  const known = types.get(name);
  if (known !== undefined) return known;
  const type = avroType(SCHEMAS[name]);
  const own = { type, measure: measureOf(type) };
  types.set(name, own);
  return own;
};

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
