import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidWrappedKey } from './key-context.ts';
import { exactContextContract, keyWrapperContract, type OpenWrapper } from './key-wrapper-contract.ts';
import { openLocalWrapper } from './open-local-wrapper.ts';

const open: OpenWrapper = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vault-kms-'));
  const wrapper = await openLocalWrapper({ keyFile: join(folder, 'key'), create: true });
  return { wrapper, close: () => rm(folder, { recursive: true }) };
};

keyWrapperContract('a key file', open);
exactContextContract('a key file', open);

describe('the key file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vault-kms-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const write = async (name: string, bytes: number, mode: number) => {
    const file = join(folder, name);
    await writeFile(file, Buffer.alloc(bytes, 7));
    await chmod(file, mode);
    return file;
  };

  it('is created with 32 bytes and mode 0600 on request', async () => {
    const keyFile = join(folder, 'new', 'key');
    await openLocalWrapper({ keyFile, create: true });
    const { mode, size } = await stat(keyFile);
    expect([(mode & 0o777).toString(8), size]).toEqual(['600', 32]);
  });

  it('is never replaced', async () => {
    const keyFile = await write('kept', 32, 0o600);
    await openLocalWrapper({ keyFile, create: true });
    expect(await readFile(keyFile)).toEqual(Buffer.alloc(32, 7));
  });

  it('is the same for concurrent creators', async () => {
    const keyFile = join(folder, 'raced');
    const wrappers = await Promise.all(Array.from({ length: 8 }, () => openLocalWrapper({ keyFile, create: true })));
    const made = await Promise.all(wrappers.map((wrapper) => wrapper.generate({ a: 'b' })));
    for (const wrapper of wrappers)
      for (const { wrapped, plaintext } of made) expect(await wrapper.unwrap(wrapped, { a: 'b' })).toEqual(plaintext);
  });

  it.each(['missing', 'open_to_others', 'wrong_size', 'not_a_file'])('is rejected when it is %s', async (reason) => {
    const files: Record<string, () => Promise<string>> = {
      missing: async () => join(folder, 'nowhere'),
      open_to_others: () => write('open', 32, 0o640),
      wrong_size: () => write('long', 33, 0o600),
      not_a_file: async () => folder,
    };
    const keyFile = (await files[reason]?.()) ?? '';
    await expect(openLocalWrapper({ keyFile })).rejects.toMatchObject({ name: 'KeyFileRefused', reason });
  });

  it('is rejected when it is a symbolic link', async () => {
    const link = join(folder, 'link');
    await symlink(await write('target', 32, 0o600), link);
    await expect(openLocalWrapper({ keyFile: link })).rejects.toMatchObject({ reason: 'not_a_file' });
  });

  it('does not unwrap a key that another key file wrapped', async () => {
    const one = await openLocalWrapper({ keyFile: join(folder, 'one'), create: true });
    const two = await openLocalWrapper({ keyFile: join(folder, 'two'), create: true });
    const { wrapped } = await one.generate({ a: 'b' });
    await expect(two.unwrap(wrapped, { a: 'b' })).rejects.toBeInstanceOf(InvalidWrappedKey);
  });
});
