import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { allOrEveryReason } from './missing-part.ts';
import { findMaven, findPython, findRedis, javaMajorVersion, type ToolContext } from './tools.ts';

const bare: ToolContext = {
  cacheDir: tmpdir(),
  environment: { PATH: '/nonexistent' },
  log: () => undefined,
  installPackage: async () => false,
};

test.each([
  ['openjdk version "17.0.16" 2025-07-15', 17],
  ['java version "25" 2025-09-16', 25],
  ['openjdk version "1.8.0_402"', 8],
])('%s is Java %i', (output, major) => {
  expect(javaMajorVersion(output)).toBe(major);
});

test('all missing programs are reported at once, one line each with the remedy', async () => {
  const failure: unknown = await allOrEveryReason([findRedis(bare), findMaven(bare), findPython(bare)]).catch(
    (error) => error,
  );
  const lines = String(failure instanceof Error ? failure.message : failure).split('\n');
  expect(lines).toEqual([
    expect.stringMatching(/^redis-server is missing: .*apt install redis-server/),
    expect.stringMatching(/^Maven is missing .*apt install maven/),
    expect.stringMatching(/^Python 3 with pip is missing .*apt install python3-pip/),
  ]);
});

test('a program that two parts lack is reported once', async () => {
  await expect(allOrEveryReason([findRedis(bare), findRedis(bare)])).rejects.toThrow(/^redis-server is missing[^\n]*$/);
});

test('a newly installed package is used', async () => {
  const environment: NodeJS.ProcessEnv = { PATH: '/nonexistent' };
  const installPackage = async (name: string) => {
    environment['PATH'] = '/usr/bin:/bin';
    return name === 'redis-server';
  };
  const found = findRedis({ ...bare, environment, installPackage });
  await expect(found.catch((error: Error) => error.message)).resolves.toMatch(/redis-server/);
});
