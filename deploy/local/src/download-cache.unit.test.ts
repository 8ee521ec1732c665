import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { cached } from './download-cache.ts';

let cacheDir: string;
const quiet = () => undefined;

beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'vault-engine-cache-'));
  onTestFinished(() => rmSync(cacheDir, { recursive: true }));
});

test('concurrent requests download once', async () => {
  let fetched = 0;
  const fill = async (folder: string) => {
    fetched++;
    await writeFile(join(folder, 'jar'), 'content');
  };
  const folders = await Promise.all([cached(cacheDir, 'part', quiet, fill), cached(cacheDir, 'part', quiet, fill)]);
  expect(fetched).toBe(1);
  expect(folders.map((folder) => readFileSync(join(folder, 'jar'), 'utf8'))).toEqual(['content', 'content']);
});

test('a failed download leaves no folder that a second start would use', async () => {
  const failing = async (folder: string) => {
    await writeFile(join(folder, 'half'), '');
    throw new Error('connection lost');
  };
  await expect(cached(cacheDir, 'part', quiet, failing)).rejects.toThrow('connection lost');
  const folder = await cached(cacheDir, 'part', quiet, (partial) => writeFile(join(partial, 'whole'), ''));
  expect(readdirSync(folder)).toEqual(['whole']);
  expect(readdirSync(cacheDir)).toEqual(['part']);
});

test('the next download removes the partial folder of a killed one', async () => {
  mkdirSync(join(cacheDir, 'part.partial-killed'));
  writeFileSync(join(cacheDir, 'part.partial-killed', 'half'), '');
  await cached(cacheDir, 'part', quiet, async () => undefined);
  expect(readdirSync(cacheDir)).toEqual(['part']);
});
