import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { platformId } from '@vault-engine/vault';
import { checkFile, checkWhole } from './check-profile.ts';
import { isMapping, merge } from './merge.ts';
import { createCatalog, type PlatformProfile, type ProfileCatalog, profileOf } from './platform-catalog.ts';
import type { ProfileFault } from './profile-fault.ts';
import { readYaml, type YamlFile } from './read-yaml.ts';
import { suggest } from './suggest.ts';

/** All profiles, or everything that is wrong with them. */
export type LoadedProfiles =
  | { readonly ok: true; readonly value: ProfileCatalog }
  | { readonly ok: false; readonly reason: 'faulty_profiles'; readonly faults: readonly ProfileFault[] };

/** What profiles may say. */
export interface LoadOptions {
  /** Whether URLs may name this machine, and be plain HTTP then. For development only. */
  readonly allowInsecureLoopback: boolean;
}

/** Files of this subfolder are families: they are extended and are no platforms themselves. */
const FAMILIES = 'families';
const EXTENSION = '.yaml';

/**
 * Reads the profiles of `folders`: `<platform>.yaml` each, and `families/<family>.yaml`, which all folders share. Answers
 * with all faults of all files at once. The same name twice is a fault: a profile cannot silently take another's place.
 */
export const loadProfiles = async (
  folders: readonly string[],
  options: LoadOptions = { allowInsecureLoopback: false },
): Promise<LoadedProfiles> => {
  const faults: ProfileFault[] = [];
  const families = await readAll(
    folders.map((folder) => join(folder, FAMILIES)),
    { mayBeMissing: true },
    faults,
  );
  const platforms = await readAll(folders, { mayBeMissing: false }, faults);
  for (const yaml of families.values())
    if (isMapping(yaml.data) && 'extends' in yaml.data)
      faults.push(yaml.faultAtKey(['extends'], 'a family extends no other family'));

  const faulty = new Set(faults.map(({ file }) => file));
  const profiles: PlatformProfile[] = [];
  for (const [name, yaml] of platforms) {
    const id = platformId(name);
    if (id === null)
      faults.push(yaml.faultAt([], `the file’s name is the platform’s id: a-z 0-9 -, beginning with a letter`));
    const family = familyOf(yaml, families, faults);
    // What is missing cannot be told as long as the parts have faults of their own.
    if (id === null || family === 'unknown' || faulty.has(yaml.file) || (family && faulty.has(family.file))) continue;
    const { content, faults: found } = checkWhole(yaml, merge(family?.data, yaml.data), options);
    faults.push(...found);
    if (content) profiles.push(profileOf(id, content));
  }
  return faults.length > 0
    ? { ok: false, reason: 'faulty_profiles', faults: faults.toSorted(byPlace) }
    : { ok: true, value: createCatalog(profiles) };
};

const readAll = async (
  folders: readonly string[],
  { mayBeMissing }: { readonly mayBeMissing: boolean },
  faults: ProfileFault[],
): Promise<ReadonlyMap<string, YamlFile>> => {
  const files = new Map<string, YamlFile>();
  for (const folder of folders) {
    for (const file of await list(folder, mayBeMissing, faults)) {
      const name = basename(file, EXTENSION);
      const yaml = await readYaml(file);
      faults.push(...checkFile(yaml));
      const first = files.get(name);
      if (first) faults.push(yaml.faultAt([], `\`${name}\` is already defined by ${first.file}`));
      else files.set(name, yaml);
    }
  }
  return files;
};

const list = async (folder: string, mayBeMissing: boolean, faults: ProfileFault[]): Promise<readonly string[]> => {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
    for (const name of names.filter((it) => it.endsWith('.yml')))
      faults.push({ file: join(folder, name), line: 1, column: 1, message: 'profiles end in .yaml' });
    return names
      .filter((name) => name.endsWith(EXTENSION))
      .toSorted()
      .map((name) => join(folder, name));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (!(mayBeMissing && code === 'ENOENT'))
      faults.push({ file: folder, line: 1, column: 1, message: `the folder cannot be read (${code})` });
    return [];
  }
};

const familyOf = (
  yaml: YamlFile,
  families: ReadonlyMap<string, YamlFile>,
  faults: ProfileFault[],
): YamlFile | null | 'unknown' => {
  const name = isMapping(yaml.data) ? yaml.data['extends'] : undefined;
  if (typeof name !== 'string') return null;
  const family = families.get(name);
  if (family) return family;
  const meant = suggest(name, [...families.keys()]);
  faults.push(
    yaml.faultAt(['extends'], `there is no family \`${name}\`${meant === null ? '' : `; did you mean \`${meant}\`?`}`),
  );
  return 'unknown';
};

const byPlace = (left: ProfileFault, right: ProfileFault): number =>
  left.file === right.file ? left.line - right.line || left.column - right.column : left.file < right.file ? -1 : 1;
