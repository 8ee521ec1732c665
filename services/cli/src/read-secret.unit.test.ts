import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from './failure.ts';
import { readTokens } from './read-secret.ts';
import type { Terminal } from './terminal.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-cli-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

/** A terminal with standard input and scripted answers to prompts; without answers it is not interactive. */
const terminal = (input: string, answers: string[] | null = null): Terminal => ({
  out: () => undefined,
  note: () => undefined,
  readInput: async () => input,
  confirm: async () => null,
  askHidden: async () => answers?.shift() ?? null,
});

test('tokens are read from files, without the trailing line end', async () => {
  const sources = {
    accessTokenFile: await file('access', 'abcd\n'),
    refreshTokenFile: await file('refresh', 'r1\r\n'),
  };
  expect(await readTokens(terminal(''), sources)).toEqual({ accessToken: 'abcd', refreshToken: 'r1' });
});

test('one token can be read from standard input', async () => {
  expect(await readTokens(terminal('abcd\n'), { accessTokenFile: '-' })).toEqual({
    accessToken: 'abcd',
    refreshToken: null,
  });
  const refused = readTokens(terminal('abcd'), { accessTokenFile: '-', refreshTokenFile: '-' });
  await expect(refused).rejects.toMatchObject({ exitCode: EXIT.usage });
});

test('without a file the tokens are asked for, and an empty refresh token means none', async () => {
  expect(await readTokens(terminal('', ['abcd', '']), {})).toEqual({ accessToken: 'abcd', refreshToken: null });
  expect(await readTokens(terminal('', ['abcd', 'r1']), {})).toEqual({ accessToken: 'abcd', refreshToken: 'r1' });
});

test('without a terminal the error names the option', async () => {
  await expect(readTokens(terminal('abcd'), {})).rejects.toThrow('--access-token-file');
});
