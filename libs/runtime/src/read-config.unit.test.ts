import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ConfigRefused, type Environment, readConfig, settings } from './read-config.ts';
import { flag, list, mountable, oneOf, text, url, wholeNumber } from './variables.ts';

const sections = {
  workers: settings(z.object({ WORKERS: wholeNumber(1, 64).default(8) }), (variables) => variables.WORKERS),
  login: settings(
    z.object({
      USER: text,
      PASSWORD: mountable(text),
      PEER: url('https'),
      FAST: flag.optional(),
      MODE: oneOf('a', 'b'),
    }),
    (variables) => variables,
  ),
  hosts: settings(z.object({ HOSTS: list(',', /^[a-z]+$/, 'expected names') }), (variables) => variables.HOSTS),
};
const good = { USER: 'me', PASSWORD: 'pw', PEER: 'https://peer.example/', MODE: 'a', HOSTS: 'x, y' };

const refusal = (env: Environment): ConfigRefused => {
  try {
    readConfig(sections, env);
  } catch (error) {
    if (error instanceof ConfigRefused) return error;
    throw error;
  }
  return expect.fail('the configuration was not refused');
};
const faulty = (env: Environment) => refusal(env).faults.map(({ variable }) => variable);

describe('configuration', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vault-config-'));
    await writeFile(join(folder, 'password'), 'from a file\n');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('gives each section its value, with defaults', () => {
    expect(readConfig(sections, good)).toEqual({
      workers: 8,
      login: { USER: 'me', PASSWORD: 'pw', PEER: 'https://peer.example', MODE: 'a' },
      hosts: ['x', 'y'],
    });
  });

  it('names every wrong variable in one message', () => {
    const { message } = refusal({
      ...good,
      WORKERS: '65',
      PEER: 'ftp://x',
      FAST: 'yes',
      HOSTS: 'x,1',
      USER: undefined,
    });
    expect(message).toMatchInlineSnapshot(`
      "the configuration is refused
        WORKERS: expected a whole number from 1 to 64
        USER: is not set, expected text
        PEER: expected a URL that starts with https://
        FAST: expected true or false
        HOSTS: expected names"
    `);
  });

  it('counts an empty variable as absent', () => {
    expect(readConfig(sections, { ...good, WORKERS: '' }).workers).toBe(8);
    expect(faulty({ ...good, PASSWORD: '' })).toEqual(['PASSWORD']);
  });

  it('never repeats the text of a variable', () => {
    const secret = fc.stringMatching(/^canary[a-zA-Z0-9:/?&=%{}-]{4,40}$/);
    fc.assert(
      fc.property(secret, (value) => {
        const all = { WORKERS: value, PASSWORD_FILE: value, PEER: value, FAST: value, MODE: value, HOSTS: `${value}1` };
        expect(refusal(all).message).not.toContain(value);
      }),
    );
  });

  it('reads a secret from the file that _FILE names, without its last newline', () => {
    const env = { ...good, PASSWORD: undefined, PASSWORD_FILE: join(folder, 'password') };
    expect(readConfig(sections, env).login.PASSWORD).toBe('from a file');
  });

  it('refuses a secret that is set twice, and a file that cannot be read', () => {
    const both = refusal({ ...good, PASSWORD_FILE: join(folder, 'password') });
    expect(both.message).toContain('PASSWORD: is given twice');
    const missing = refusal({ ...good, PASSWORD: undefined, PASSWORD_FILE: join(folder, 'nowhere') });
    expect(missing.message).toContain('PASSWORD: PASSWORD_FILE names a file that cannot be read (ENOENT)');
  });

  it('does not read files for variables that hold no secret', () => {
    expect(faulty({ ...good, USER: undefined, USER_FILE: join(folder, 'password') })).toEqual(['USER']);
  });

  it('accepts whole numbers within their range only', () => {
    for (const value of ['0', '65', '1.5', '1e1', ' 8', '0x8', '9'.repeat(16), 'NaN'])
      expect(faulty({ ...good, WORKERS: value })).toEqual(['WORKERS']);
    expect(readConfig(sections, { ...good, WORKERS: '64' }).workers).toBe(64);
  });
});
