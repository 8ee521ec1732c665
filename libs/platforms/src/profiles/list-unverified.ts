import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A fact of a profile that is marked `unverified`: no source backs it. */
export interface UnverifiedFact {
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
  /** The full key, e.g. `rotation.mode`. */
  readonly key: string;
}

/** A profile or a family, with its unverified facts. */
export interface VerifiedFile {
  /** The platform's or the family's name. */
  readonly name: string;
  readonly extends: string | null;
  readonly isFamily: boolean;
  readonly unverified: readonly UnverifiedFact[];
}

const KEY = /^(\s*)([\w-]+):/;
const MARKED = /^\s*[^#\s].*\s#.*\bunverified\b/;

/** Reads the comments of the profiles in `folders`: each fact names its source there or is marked `unverified`. */
export const listUnverified = async (folders: readonly string[]): Promise<readonly VerifiedFile[]> => {
  const files = new Map<string, VerifiedFile>();
  for (const folder of folders) {
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.yaml')).toSorted();
    for (const name of names) {
      const text = await readFile(join(folder, name), 'utf8');
      // A file of a later folder replaces a shipped one of the same name.
      files.set(name, {
        name: basename(name, '.yaml'),
        extends: /^extends:\s*([\w-]+)/m.exec(text)?.[1] ?? null,
        isFamily: dirname(name) !== '.',
        unverified: markedIn(join(folder, name), text),
      });
    }
  }
  return [...files.values()];
};

const markedIn = (file: string, text: string): readonly UnverifiedFact[] => {
  const facts: UnverifiedFact[] = [];
  let above: readonly { indent: number; key: string }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent = '', key] = KEY.exec(line) ?? [];
    if (key === undefined) continue;
    above = [...above.filter((outer) => outer.indent < indent.length), { indent: indent.length, key }];
    if (MARKED.test(line)) facts.push({ file, line: index + 1, key: above.map((outer) => outer.key).join('.') });
  }
  return facts;
};
