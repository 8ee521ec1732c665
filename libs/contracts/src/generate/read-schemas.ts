import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** An Avro type in JSON, in the forms that the schemas use. */
export type AvroType = string | readonly AvroType[] | AvroArray | AvroMap | AvroEnum | AvroRecord | AvroLogical;

interface AvroArray {
  readonly type: 'array';
  readonly items: AvroType;
}
interface AvroMap {
  readonly type: 'map';
  readonly values: AvroType;
}
interface AvroEnum {
  readonly type: 'enum';
  readonly name: string;
  readonly doc?: string;
  readonly symbols: readonly string[];
  readonly default?: string;
}
interface AvroLogical {
  readonly type: 'long';
  readonly logicalType: string;
}

/** One field of a record. */
export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  readonly doc: string;
}

/** A record; the outermost type of every file. */
export interface AvroRecord {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly doc: string;
  readonly fields: readonly AvroField[];
}

/** One file of `schemas/`. Its folder names the topic of its messages. */
export interface SchemaFile {
  readonly folder: string;
  readonly name: string;
  readonly record: AvroRecord;
}

/** The folder of the schemas in a checkout. */
export const SCHEMA_FOLDER = fileURLToPath(new URL('../../../../schemas/', import.meta.url));

/** All schemas, ordered by folder and name. */
export const readSchemas = (root: string = SCHEMA_FOLDER): readonly SchemaFile[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.avsc'))
    .sort()
    .map((path) => readSchema(root, path));

const readSchema = (root: string, path: string): SchemaFile => {
  const [folder, file, ...deeper] = path.split('/');
  if (folder === undefined || file === undefined || deeper.length > 0) {
    throw new Error(`${path}: a schema must be in a folder named after its topic`);
  }
  const record = JSON.parse(readFileSync(join(root, path), 'utf8')) as AvroRecord; // the tests compile every schema with avsc
  if (`${record.name}.avsc` !== file || record.namespace !== 'vault.v1') {
    throw new Error(`${path}: the file must be named after its record, in the namespace vault.v1`);
  }
  return { folder, name: record.name, record };
};
