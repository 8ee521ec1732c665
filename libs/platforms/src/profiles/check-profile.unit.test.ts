import { expect, it } from 'vitest';
import { suggest } from './check-profile.ts';

it.each([
  ['display_nam', 'display_name'],
  ['disply_name', 'display_name'],
  ['Auth', 'auth'],
  ['bdy', 'body'],
])('corrects %s to %s', (text, meant) => {
  expect(suggest(text, ['display_name', 'auth', 'body'])).toBe(meant);
});

it('suggests nothing where nothing is similar', () => {
  expect(suggest('colour', ['display_name', 'auth', 'body'])).toBeNull();
  expect(suggest('x', [])).toBeNull();
});
