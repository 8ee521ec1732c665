import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { drawDataFlow } from './draw-data-flow.ts';

it('docs/data-flow.svg is what `npm run docs:picture` draws', () => {
  expect(readFileSync(new URL('../data-flow.svg', import.meta.url), 'utf8')).toBe(drawDataFlow());
});
