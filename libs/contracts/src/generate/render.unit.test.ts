import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type AvroRecord, readSchemas, type SchemaFile } from './read-schemas.ts';
import { GENERATED, renderAll, renderTypes } from './render.ts';

test.each(Object.entries(renderAll()))('src/generated/%s equals what `npm run generate` writes', (file, text) => {
  expect(readFileSync(new URL(file, GENERATED), 'utf8')).toBe(text);
});

test('every field, record and enum has a doc', () => {
  const undocumented: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    const named = 'name' in value;
    if (named && !('doc' in value && value.doc)) undocumented.push(`${path}.${String(value.name)}`);
    for (const part of Object.values(value)) visit(part, named ? `${path}.${String(value.name)}` : path);
  };
  for (const { folder, record } of readSchemas()) visit(record, folder);
  expect(undocumented).toEqual([]);
});

test('every enum has a default, so that an older reader survives a later symbol', () => {
  const text = JSON.stringify(readSchemas());
  const enums = text.match(/"type":"enum"[^}]*}/g) ?? [];
  expect(enums.length).toBeGreaterThan(0);
  expect(enums.filter((found) => !found.includes('"default":'))).toEqual([]);
});

test('a nullable field has null as its default, so that a later version can drop it', () => {
  const fields = readSchemas().flatMap(({ record }) => record.fields);
  const nullable = fields.filter(({ type }) => Array.isArray(type) && type.includes('null'));
  expect(nullable.filter((field) => !('default' in field && field.default === null))).toEqual([]);
});

test('two records that define a nested type differently are refused', () => {
  const holding = (name: string, symbols: readonly string[]): SchemaFile => {
    const type = { type: 'enum', name: 'Shared', doc: 'Shared.', symbols } as const;
    const record: AvroRecord = {
      type: 'record',
      name,
      doc: 'Holds it.',
      fields: [{ name: 'shared', type, doc: 'It.' }],
    };
    return { folder: 'any', name, record };
  };
  expect(() => renderTypes([holding('One', ['A']), holding('Two', ['A'])])).not.toThrow();
  expect(() => renderTypes([holding('One', ['A']), holding('Two', ['B'])])).toThrow(
    'Shared has two different definitions',
  );
});
