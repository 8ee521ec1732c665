import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

export const KEY_BYTES = 32;
const OTHERS = 0o077;

/** The key file can't be used. The message names the file and what to do. */
export class KeyFileRefused extends Error {
  override readonly name = 'KeyFileRefused';
  readonly reason: 'missing' | 'not_a_file' | 'open_to_others' | 'wrong_size';
  constructor(reason: KeyFileRefused['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * The 32 bytes of a key file. The caller wipes them.
 *
 * @throws KeyFileRefused if it is missing, a symbolic link, not a file, readable by others than its owner, or not 32 bytes
 */
export const readKeyFile = async (path: string): Promise<Buffer> => {
  const file = await openExisting(path);
  try {
    await refuseUnfit(file, path);
    const key = Buffer.alloc(KEY_BYTES);
    await file.read(key, 0, KEY_BYTES, 0);
    return key;
  } finally {
    await file.close();
  }
};

/**
 * Creates the key file unless it exists. Concurrent processes end with the same key: each writes a temporary file and links it to
 * `path`, which fails if `path` exists.
 */
export const createKeyFile = async (path: string): Promise<void> => {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeNewKey(draft);
  try {
    await link(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
};

const openExisting = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      throw new KeyFileRefused('missing', `key file ${path} does not exist; create it or correct the path`);
    if (codeOf(error) === 'ELOOP')
      throw new KeyFileRefused('not_a_file', `key file ${path} is a symbolic link; name the file itself`);
    throw error;
  }
};

const refuseUnfit = async (file: FileHandle, path: string): Promise<void> => {
  const { mode, size, ...stat } = await file
    .stat()
    .then((it) => ({ mode: it.mode, size: it.size, isFile: it.isFile() }));
  if (!stat.isFile) throw new KeyFileRefused('not_a_file', `key file ${path} is not a regular file`);
  if ((mode & OTHERS) !== 0)
    throw new KeyFileRefused('open_to_others', `key file ${path} is readable by others; run chmod 600 ${path}`);
  if (size !== KEY_BYTES)
    throw new KeyFileRefused(
      'wrong_size',
      `key file ${path} does not have ${KEY_BYTES} bytes; restore it from a backup`,
    );
};

const writeNewKey = async (path: string): Promise<void> => {
  const file = await open(path, 'wx', 0o600);
  const key = randomBytes(KEY_BYTES);
  try {
    await file.write(key);
    await file.sync();
  } finally {
    key.fill(0);
    await file.close();
  }
};

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
