import avro from 'avsc';
import { SCHEMAS } from './generated/schemas.ts';
import { type Measure, measureOf } from './measure.ts';
import type { RecordName } from './records.ts';

/** A record's type, and the measure of what it writes. */
export interface OwnType {
  readonly type: avro.Type;
  readonly measure: Measure;
}

/** The avsc type of a schema. Plain data comes out of it: no methods on records, no wrapped unions where avoidable. */
export const avroType = (schema: string): avro.Type =>
  avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { omitRecordMethods: true }); // forSchema refuses what is no schema

const made = new Map<RecordName, OwnType>();

/** The type that this build writes and reads `name` by; made at its first use. */
export const ownType = (name: RecordName): OwnType => {
  const known = made.get(name);
  if (known !== undefined) return known;
  const type = avroType(SCHEMAS[name]);
  const own = { type, measure: measureOf(type) };
  made.set(name, own);
  return own;
};
