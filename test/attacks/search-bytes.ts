import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A way in which a secret may stand somewhere. */
export interface Needle {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Where a secret was found, and in which form. */
export interface Find {
  readonly where: string;
  readonly needle: string;
}

/**
 * The forms in which `secret` may stand in a file: raw, UTF-16, hex, base64 and base64url. In base64 it looks different
 * for each of the three places in a group where it may begin, so that it is looked for in all three.
 */
export const needlesOf = (name: string, secret: Buffer): readonly Needle[] => {
  const hex = secret.toString('hex');
  const texts = [
    ['hex', hex],
    ['HEX', hex.toUpperCase()],
    ...(['base64', 'base64url'] as const).flatMap((form) =>
      [0, 1, 2].map((at) => [`${form} ${at}`, within(form, at, secret)]),
    ),
  ] as const;
  const wide = Buffer.from(secret.toString('latin1'), 'utf16le');
  return [
    { name: `${name} raw`, bytes: secret },
    { name: `${name} utf16`, bytes: wide },
    ...texts.map(([form = '', text = '']) => ({ name: `${name} ${form}`, bytes: Buffer.from(text) })),
  ];
};

/** The characters of the base64 of anything that holds `secret` from byte `at` of a group on, but for those at its ends. */
const within = (form: 'base64' | 'base64url', at: number, secret: Buffer): string => {
  const padded = Buffer.concat([Buffer.alloc(at), secret]);
  return padded.toString(form).slice(Math.ceil((at * 8) / 6), Math.floor((padded.length * 8) / 6));
};

/** Where in `bytes` any of the needles stands. */
export const searchBytes = (where: string, bytes: Buffer, needles: readonly Needle[]): readonly Find[] =>
  needles.filter((needle) => bytes.includes(needle.bytes)).map((needle) => ({ where, needle: needle.name }));

/** Where in the files below `folder` any of the needles stands. */
export const searchFolder = async (folder: string, needles: readonly Needle[]): Promise<readonly Find[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const finds: Find[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    finds.push(...searchBytes(path, await contentOf(path), needles));
  }
  return finds;
};

/** A broker removes segments, and Redis its temporary files, whenever it likes. */
const contentOf = (path: string): Promise<Buffer> =>
  readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
