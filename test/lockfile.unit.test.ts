import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

type Locked = { readonly optionalDependencies?: Readonly<Record<string, string>> };

// npm ci refuses a lock that leaves them out, and npm install leaves out what its registry did not have at that moment.
test('package-lock.json names the optional packages of every platform', () => {
  const lock = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
  const { packages }: { packages: Record<string, Locked> } = JSON.parse(lock);
  const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !placesOf(place, name).some((candidate) => candidate in packages),
    ),
  );
  expect(missing).toEqual([]);
});

/** Where Node would look for a package from this place: beside it and in every folder above. */
function placesOf(place: string, name: string): string[] {
  const folders = place
    .split('/node_modules/')
    .map((_, depth, parts) => parts.slice(0, depth + 1).join('/node_modules/'));
  return ['', ...folders.map((folder) => `${folder}/`)].map((folder) => `${folder}node_modules/${name}`);
}
