import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listUnverified } from './list-unverified.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-profiles-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('lists each marked fact with its position and its full key', async () => {
  await mkdir(join(folder, 'families'));
  await writeFile(join(folder, 'families', 'fam.yaml'), '# `unverified` is explained here\nauth: post # unverified\n');
  await writeFile(
    join(folder, 'one.yaml'),
    'display_name: One\nextends: fam\nrotation:\n  # unverified, all of it\n  mode: never # [x]\n  grace_s: 0 # unverified: x\nrevoke: null # [x] the first; the second unverified\n',
  );
  expect(await listUnverified([folder])).toEqual([
    {
      name: 'fam',
      extends: null,
      isFamily: true,
      unverified: [{ file: join(folder, 'families/fam.yaml'), line: 2, key: 'auth' }],
    },
    {
      name: 'one',
      extends: 'fam',
      isFamily: false,
      unverified: [
        { file: join(folder, 'one.yaml'), line: 6, key: 'rotation.grace_s' },
        { file: join(folder, 'one.yaml'), line: 7, key: 'revoke' },
      ],
    },
  ]);
});
