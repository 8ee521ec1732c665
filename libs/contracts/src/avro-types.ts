import avro from 'avsc';
import { SCHEMAS } from './generated/schemas.ts';
import { type Measure, measureOf } from './measure.ts';
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
