import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { reveal } from '@vault-engine/crypto/plaintext';
import { ConfigRefused } from '@vault-engine/runtime';
import { platformId } from '@vault-engine/vault';
import { expect, it } from 'vitest';
import { credentialsFor, readClientCredentials } from './client-credentials.ts';

const id = (text: string) => platformId(text) ?? expect.fail('not a platform id');
const PLATFORMS = [
  { id: id('gmail'), auth: 'post' },
  { id: id('google-calendar'), auth: 'post' },
  { id: id('notion'), auth: 'none' },
] as const;

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

const refusalOf = (env: Readonly<Record<string, string>>): unknown => {
  try {
    return readClientCredentials(env, PLATFORMS);
  } catch (error) {
    return error;
  }
};

it('reads former clients, and earlier secrets of the current one, newest first', () => {
  const clients = readClientCredentials(
    {
      VAULT_CLIENT_ID_GMAIL: 'now',
      VAULT_CLIENT_SECRET_GMAIL: 'canary-2',
      VAULT_FORMER_CLIENTS_GMAIL: JSON.stringify([
        { id: 'now', secret: 'canary-1' },
        { id: 'before', secret: 'canary-0' },
      ]),
    },
    PLATFORMS,
  );
  const client = clients.get(id('gmail')) ?? expect.fail('no client');
  const secretsFor = (clientId: string | null) =>
    credentialsFor(client, clientId).map(({ secret }) => secret && reveal(secret).toString());
  expect(secretsFor(null)).toEqual(['canary-2', 'canary-1']);
  expect(secretsFor('now')).toEqual(['canary-2', 'canary-1']);
  expect(secretsFor('before')).toEqual(['canary-0']);
  expect(secretsFor('other')).toEqual([]);
  expect(inspect(clients, { depth: 9, showHidden: true })).not.toContain('canary');
});

it.each<[string, string, Readonly<Record<string, string>>]>([
  ['has no secret, and its profile asks for one', 'VAULT_CLIENT_SECRET_GMAIL', { VAULT_CLIENT_ID_GMAIL: 'g' }],
  [
    'has a secret in a file that is not mounted',
    'VAULT_CLIENT_SECRET_GMAIL',
    { VAULT_CLIENT_ID_GMAIL: 'g', VAULT_CLIENT_SECRET_GMAIL_FILE: '/nowhere/x' },
  ],
  ['has an empty secret', 'VAULT_CLIENT_SECRET_GMAIL', { VAULT_CLIENT_ID_GMAIL: 'g', VAULT_CLIENT_SECRET_GMAIL: '' }],
  [
    'has former clients only',
    'VAULT_CLIENT_ID_GMAIL',
    { VAULT_FORMER_CLIENTS_GMAIL: '[{"id":"f","secret":"canary"}]' },
  ],
  ...['canary', '{}', '[]', '[{"id":"f"}]', '[{"id":"f","secret":"canary","more":1}]'].map(
    (former): [string, string, Readonly<Record<string, string>>] => [
      `has ${former.replace('canary', '…')} as former clients`,
      'VAULT_FORMER_CLIENTS_GMAIL',
      { VAULT_CLIENT_ID_GMAIL: 'g', VAULT_CLIENT_SECRET_GMAIL: 'canary', VAULT_FORMER_CLIENTS_GMAIL: former },
    ],
  ),
])('a client that %s is refused by the name of its variable', (_name, variable, env) => {
  const refusal = refusalOf(env);
  expect(refusal).toBeInstanceOf(ConfigRefused);
  expect(String(refusal)).toContain(variable);
  expect(String(refusal)).not.toContain('canary');
});

it('names each wrong variable, and no value', () => {
  const env = {
    VAULT_CLIENT_SECRET_GMAIL: 'canary',
    VAULT_CLIENT_ID_NOTION: 'n',
    VAULT_CLIENT_ID_NOTION_FILE: '/canary',
    VAULT_CLIENT_ID_GOOGLE_CALENDAR_FILE: '/nowhere/x',
  };
  const refusal = refusalOf(env);
  expect(refusal).toBeInstanceOf(ConfigRefused);
  expect(String(refusal)).toMatch(/VAULT_CLIENT_ID_GMAIL/);
  expect(String(refusal)).toMatch(/VAULT_CLIENT_ID_NOTION/);
  expect(String(refusal)).toMatch(/VAULT_CLIENT_ID_GOOGLE_CALENDAR/);
  expect(String(refusal)).not.toContain('canary');
});
