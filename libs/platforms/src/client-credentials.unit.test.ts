import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { reveal } from '@vault-engine/crypto/plaintext';
import { ConfigRefused } from '@vault-engine/runtime';
import { platformId } from '@vault-engine/vault';
import { expect, it } from 'vitest';
import { readClientCredentials } from './client-credentials.ts';

const id = (text: string) => platformId(text) ?? expect.fail('not a platform id');
const PLATFORMS = ['gmail', 'google-calendar', 'notion'].map(id);

it('reads id and secret of each platform: upper case, `-` as `_`', () => {
  const clients = readClientCredentials(
    {
      VAULT_CLIENT_ID_GOOGLE_CALENDAR: 'c-1',
      VAULT_CLIENT_SECRET_GOOGLE_CALENDAR: 'canary',
      VAULT_CLIENT_ID_NOTION: 'public',
      VAULT_CLIENT_ID_OTHER: 'x',
    },
    PLATFORMS,
  );
  expect([...clients.keys()]).toEqual(['google-calendar', 'notion']);
  const secret = clients.get(id('google-calendar'))?.secret;
  expect(secret && reveal(secret).toString()).toBe('canary');
  expect(clients.get(id('notion'))).toEqual({ id: 'public', secret: null });
  expect(inspect(clients, { depth: 9, showHidden: true })).not.toContain('canary');
});

it('reads a secret from a mounted file, without the trailing newline', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vault-client-'));
  try {
    await writeFile(join(folder, 'secret'), 'mounted\n');
    const env = { VAULT_CLIENT_ID_GMAIL: 'g', VAULT_CLIENT_SECRET_GMAIL_FILE: join(folder, 'secret') };
    const secret = readClientCredentials(env, PLATFORMS).get(id('gmail'))?.secret;
    expect(secret && reveal(secret).toString()).toBe('mounted');
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('names each wrong variable, and no value', () => {
  const env = {
    VAULT_CLIENT_SECRET_GMAIL: 'canary',
    VAULT_CLIENT_ID_NOTION: 'n',
    VAULT_CLIENT_ID_NOTION_FILE: '/canary',
    VAULT_CLIENT_ID_GOOGLE_CALENDAR_FILE: '/nowhere/x',
  };
  const refusal = (() => {
    try {
      return readClientCredentials(env, PLATFORMS);
    } catch (error) {
      return error;
    }
  })();
  expect(refusal).toBeInstanceOf(ConfigRefused);
  expect(String(refusal)).toMatch(/VAULT_CLIENT_ID_GMAIL/);
  expect(String(refusal)).toMatch(/VAULT_CLIENT_ID_NOTION/);
  expect(String(refusal)).toMatch(/VAULT_CLIENT_ID_GOOGLE_CALENDAR/);
  expect(String(refusal)).not.toContain('canary');
});
