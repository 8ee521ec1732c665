import type { AvroField, AvroRecord, AvroType, SchemaFile } from './read-schemas.ts';

/** Declarations by name. Records may share a nested type only where its definition is the same. */
type Declarations = Map<string, string>;

/** The TypeScript types of `files`: what the codec takes and gives. */
export const renderTypes = (files: readonly SchemaFile[]): string => {
  const declarations: Declarations = new Map();
  for (const { record } of files) declareRecord(record, declarations);
  return [
    '// Made from schemas/ by `npm run generate`. Not to be edited.',
    ...declarations.values(),
    renderIndex(files),
    '',
  ].join('\n\n');
};

const renderIndex = (files: readonly SchemaFile[]): string =>
  [
    '/** Every record that travels on a topic, by name. */',
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
  if (known !== undefined && known !== text) throw new Error(`${name} is defined in two ways`);
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

/** `null` comes last, as people write it. */
const renderUnion = (branches: readonly AvroType[], declarations: Declarations): string => {
  const rendered = branches.map((branch) => renderType(branch, declarations));
  return [...rendered.filter((text) => text !== 'null'), ...rendered.filter((text) => text === 'null')].join(' | ');
};

const parenthesise = (text: string): string => (text.includes(' ') ? `(${text})` : text);

const comment = (doc: string): string => `/** ${doc.replaceAll('*/', '* /')} */`;
