import { readSchemas } from './read-schemas.ts';
import { renderSchemas } from './render-schemas.ts';
import { renderTypes } from './render-types.ts';

/** Where the generated files stand. */
export const GENERATED = new URL('../generated/', import.meta.url);

/** The text of every generated file, by its name. */
export const renderAll = (): Readonly<Record<string, string>> => {
  const files = readSchemas();
  return { 'types.ts': renderTypes(files), 'schemas.ts': renderSchemas(files) };
};
