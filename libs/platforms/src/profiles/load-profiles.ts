import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { platformId } from '@vault-engine/vault';
import { checkFile, checkWhole, suggest } from './check-profile.ts';
import { createCatalog, type PlatformProfile, type ProfileCatalog, profileOf } from './platform-catalog.ts';
import { formatFaults, type ProfileFault, readYaml, type YamlFile } from './read-yaml.ts';

/** Profiles have faults that a person has to mend. The message lists each fault with its position. */
export class ProfilesRefused extends Error {
  override readonly name = 'ProfilesRefused';
  readonly faults: readonly ProfileFault[];
  constructor(faults: readonly ProfileFault[]) {
    super(`the platform profiles are refused\n${formatFaults(faults)}`);
    this.faults = faults;
  }
}

/** The catalog of the profiles in `folders`, for services, which do not start without it. Throws {@link ProfilesRefused}. */
export const openCatalog = async (
  folders: readonly string[],
  options: LoadOptions = { allowInsecureLoopback: false },
): Promise<ProfileCatalog> => {
  const loaded = await loadProfiles(folders, options);
  if (!loaded.ok) throw new ProfilesRefused(loaded.faults);
  return loaded.value;
};

/** All profiles, or all their faults. */
export type LoadedProfiles =
  | { readonly ok: true; readonly value: ProfileCatalog }
  | { readonly ok: false; readonly reason: 'faulty_profiles'; readonly faults: readonly ProfileFault[] };

/** Rules that depend on the deployment. */
export interface LoadOptions {
  /** Whether URLs may name this machine, also over plain HTTP. For development only. */
  readonly allowInsecureLoopback: boolean;
}

/** A subfolder whose files are families: other profiles extend them, and they are no platforms themselves. */
const FAMILIES = 'families';
const EXTENSION = '.yaml';

/**
 * Reads the profiles of `folders`: `<platform>.yaml` each, and `families/<family>.yaml`, which all folders share. Returns
 * all faults of all files at once. The first folder has the shipped profiles: one of another folder with the same name replaces
 * it, and the catalog says so. Any other name that two files define is a fault.
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
  const shipped = await readAll(folders.slice(0, 1), { mayBeMissing: false }, faults);
  const own = await readAll(folders.slice(1), { mayBeMissing: false }, faults);
  const platforms = new Map([...shipped, ...own]);
  for (const yaml of families.values())
    if (isMapping(yaml.data) && 'extends' in yaml.data)
      faults.push(yaml.faultAtKey(['extends'], 'a family extends no other family'));

  const faulty = new Set(faults.map(({ file }) => file));
  const profiles: PlatformProfile[] = [];
  for (const [name, yaml] of platforms) {
    const id = platformId(name);
    if (id === null)
      faults.push(yaml.faultAt([], 'the file’s name is the platform’s id; use a-z 0-9 -, beginning with a letter'));
    const family = familyOf(yaml, families, faults);
    // Missing keys are looked for only once each part is free of faults of its own.
    if (id === null || family === 'unknown' || faulty.has(yaml.file) || (family && faulty.has(family.file))) continue;
    const { content, faults: found } = checkWhole(yaml, merge(family?.data, yaml.data), options);
    faults.push(...found);
    if (content) profiles.push(profileOf(id, content));
  }
  return faults.length > 0
    ? { ok: false, reason: 'faulty_profiles', faults: faults.toSorted(byPosition) }
    : {
        ok: true,
        value: createCatalog(
          profiles,
          profiles.map(({ id }) => id).filter((id) => shipped.has(id) && own.has(id)),
        ),
      };
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
      if (first) faults.push(yaml.faultAt([], `\`${name}\` is already defined by ${first.file}; rename one of them`));
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
      faults.push({
        file: join(folder, name),
        line: 1,
        column: 1,
        message: 'the extension of a profile is .yaml; rename the file',
      });
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

const byPosition = (left: ProfileFault, right: ProfileFault): number =>
  left.file === right.file ? left.line - right.line || left.column - right.column : left.file < right.file ? -1 : 1;

/** A mapping of a YAML document. */
type Mapping = Readonly<Record<string, unknown>>;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `base` overridden by `over`: mappings are merged key by key; lists, single values and null replace. */
export const merge = (base: unknown, over: unknown): unknown => {
  if (over === undefined) return base;
  if (!isMapping(base) || !isMapping(over)) return over;
  const names = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries([...names].map((name) => [name, merge(own(base, name), own(over, name))]));
};

const own = (mapping: Mapping, name: string): unknown => (Object.hasOwn(mapping, name) ? mapping[name] : undefined);
