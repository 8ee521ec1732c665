import { type AvroField, type AvroRecord, type AvroType, readSchemas, type SchemaFile } from './read-schemas.ts';

/** The folder of the generated files. */
export const GENERATED = new URL('../generated/', import.meta.url);

/** The text of every generated file, by file name. */
export const renderAll = (): Readonly<Record<string, string>> => {
  const files = readSchemas();
  return { 'types.ts': renderTypes(files), 'schemas.ts': renderSchemas(files) };
};

/** Declarations by name. Records may share a nested type only if its definitions are equal. */
type Declarations = Map<string, string>;

/** The TypeScript types of `files`: the values that the codec encodes and decodes. */
export const renderTypes = (files: readonly SchemaFile[]): string => {
  const declarations: Declarations = new Map();
  for (const { record } of files) declareRecord(record, declarations);
  return [
    '// Generated from schemas/ by `npm run generate`. Do not edit.',
    ...declarations.values(),
    renderIndex(files),
    '',
  ].join('\n\n');
};

const renderIndex = (files: readonly SchemaFile[]): string =>
  [
    '/** Every record by name. */',
    'export interface Records {',
    ...files.map(({ name }) => `  readonly ${name}: ${name};`),
    '}',
  ].join('\n');

const declareRecord = (record: AvroRecord, declarations: Declarations): void => {
  const fields = record.fields.map((field) => renderField(field, declarations));
  const text = [comment(record.doc), `export interface ${record.name} {`, ...fields, '}'].join('\n');
  declare(record.name, text, declarations);
};

const renderField = ({ name, type, doc }: AvroField, declarations: Declarations): string =>
  `  ${comment(doc)}\n  readonly ${name}: ${renderType(type, declarations)};`;

const declare = (name: string, text: string, declarations: Declarations): void => {
  const known = declarations.get(name);
  if (known !== undefined && known !== text) throw new Error(`${name} has two different definitions`);
  declarations.set(name, text);
};

const PRIMITIVES: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  double: 'number',
  bytes: 'Buffer',
  string: 'string',
};

const renderType = (type: AvroType, declarations: Declarations): string => {
  if (typeof type === 'string') return PRIMITIVES[type] ?? type;
  if (isUnion(type)) return renderUnion(type, declarations);
  switch (type.type) {
    case 'long':
      return 'number';
    case 'array':
      return `readonly ${parenthesise(renderType(type.items, declarations))}[]`;
    case 'map':
      return `Readonly<Record<string, ${renderType(type.values, declarations)}>>`;
    case 'enum': {
      const symbols = type.symbols.map((symbol) => `'${symbol}'`).join(' | ');
      declare(type.name, `${comment(type.doc ?? '')}\nexport type ${type.name} = ${symbols};`, declarations);
      return type.name;
    }
    case 'record':
      declareRecord(type, declarations);
      return type.name;
  }
};

const isUnion = (type: AvroType): type is readonly AvroType[] => Array.isArray(type);

/** Writes `null` last. */
const renderUnion = (branches: readonly AvroType[], declarations: Declarations): string => {
  const rendered = branches.map((branch) => renderType(branch, declarations));
  return [...rendered.filter((text) => text !== 'null'), ...rendered.filter((text) => text === 'null')].join(' | ');
};

const parenthesise = (text: string): string => (text.includes(' ') ? `(${text})` : text);

const comment = (doc: string): string => `/** ${doc.replaceAll('*/', '* /')} */`;

/** The schemas as a module, so that a bundle needs no files, and the records of each topic. */
const renderSchemas = (files: readonly SchemaFile[]): string =>
  [
    '// Generated from schemas/ by `npm run generate`. Do not edit.',
    `import type { Records } from './types.ts';`,
    [
      '/** The records of each folder of schemas/. */',
      'export const RECORDS_OF = {',
      ...folders(files).map(([folder, names]) => `  '${folder}': [${names.map((name) => `'${name}'`).join(', ')}],`),
      '} as const satisfies Record<string, readonly (keyof Records)[]>;',
    ].join('\n'),
    [
      '/** Every schema as it is registered. */',
      'export const SCHEMAS: Readonly<Record<keyof Records, string>> = {',
      ...files.map(({ name, record }) => `  ${name}: ${quote(JSON.stringify(record))},`),
      '};',
    ].join('\n'),
    '',
  ].join('\n\n');

const folders = (files: readonly SchemaFile[]): readonly (readonly [string, readonly string[]])[] =>
  [...Map.groupBy(files, ({ folder }) => folder)].map(([folder, of]) => [folder, of.map(({ name }) => name)]);

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
