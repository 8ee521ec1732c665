import type { SchemaFile } from './read-schemas.ts';

/** The schemas themselves as a module, so that a bundle needs no files, and which records travel on which topic. */
export const renderSchemas = (files: readonly SchemaFile[]): string =>
  [
    '// Made from schemas/ by `npm run generate`. Not to be edited.',
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
