import { join } from 'node:path';
import { applySchemas } from '@vault-engine/contracts/apply-schemas';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliWorld, openCliWorld, type Ran } from './testing/cli-world.ts';

const SECRET = 'vek1.12345678.c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I';

let here: CliWorld;

beforeAll(async () => {
  here = await openCliWorld();
  await applySchemas(here.world.registryUrl);
});

afterAll(async () => {
  await here.close();
});

const NOWHERE = '127.0.0.1:1';

const FAULTS: readonly {
  readonly title: string;
  readonly words: readonly string[];
  readonly env?: Record<string, string>;
  readonly code: number;
  readonly says: RegExp;
}[] = [
  { title: 'an unknown command', words: ['frobnicate'], code: 2, says: /unknown command/ },
  { title: 'a missing argument', words: ['token', 'get', 'u1'], code: 2, says: /missing required argument 'platform'/ },
  {
    title: 'a credential in the place of a key id',
    words: ['engines', 'revoke', 'one', SECRET],
    code: 2,
    says: /8 hex digits/,
  },
  {
    title: 'a token as an option',
    words: ['token', 'store', 'u1', 'gmail', `--access-token=${SECRET}`],
    code: 2,
    says: /unknown option/,
  },
  {
    title: 'no source of the access token',
    words: ['token', 'store', 'u1', 'gmail'],
    code: 2,
    says: /--access-token-file/,
  },
  { title: 'an invalid engine id', words: ['engines', 'add', 'One'], code: 2, says: /invalid engine id/ },
  {
    title: 'a missing grants file',
    words: ['engines', 'apply', '/nowhere.yaml'],
    code: 2,
    says: /\/nowhere.yaml cannot be read \(ENOENT\)/,
  },
  {
    title: 'no identity',
    words: ['token', 'status', 'u1'],
    code: 78,
    says: /VAULT_ENGINE_ID is not set.*--as.*VAULT_ENGINE_KEY is not set/,
  },
  {
    title: 'a missing key file',
    words: ['engines', 'list'],
    env: { VAULT_LOCAL_KEY_FILE: '/nowhere.key' },
    code: 78,
    says: /key file \/nowhere.key does not exist/,
  },
  {
    title: 'a local key in production',
    words: ['engines', 'list'],
    env: { VAULT_ENV: 'production' },
    code: 78,
    says: /VAULT_KEY_WRAPPER local is for/,
  },
  {
    title: 'several invalid settings',
    words: ['engines', 'list'],
    env: { VAULT_KAFKA_BROKERS: SECRET, VAULT_REGISTRY_URL: SECRET },
    code: 78,
    says: /VAULT_KAFKA_BROKERS .*VAULT_REGISTRY_URL /,
  },
  {
    title: 'an invalid credential',
    words: ['token', 'status', 'u1'],
    env: { VAULT_ENGINE_ID: 'one', VAULT_ENGINE_KEY: `${SECRET}==` },
    code: 1,
    says: /unauthorized_engine/,
  },
  { title: 'a missing topic', words: ['engines', 'list'], code: 1, says: /topics apply/ },
  {
    title: 'unreachable brokers',
    words: ['topics', 'check'],
    env: { VAULT_KAFKA_BROKERS: NOWHERE },
    code: 1,
    says: /Kafka does not answer.*VAULT_KAFKA_BROKERS/,
  },
  {
    title: 'an unreachable registry',
    words: ['schemas', 'check'],
    env: { VAULT_REGISTRY_URL: `http://${NOWHERE}` },
    code: 1,
    says: /VAULT_REGISTRY_URL/,
  },
];

describe('one line on standard error without a secret, and the exit code, report', () => {
  test.each(FAULTS)('$title', async ({ words, env, code, says }) => {
    const ran = await here.vault(words, env === undefined ? {} : { env });
    expect(ran.err.join('\n')).toMatch(says);
    expect(ran).toMatchObject({ code, out: [] });
    expect(ran.err).toHaveLength(1);
    keepsSilent(ran);
  });
});

const keepsSilent = ({ out, err }: Ran): void => {
  const said = [...out, ...err].join('\n');
  expect(said).not.toContain(SECRET);
  expect(said).not.toMatch(/^ +at /m);
};

test('--help succeeds, and an empty command line is a usage error', async () => {
  const help = await here.vault(['--help'], { env: { VAULT_ENV: '' } });
  expect(help).toMatchObject({ code: 0, err: [] });
  expect(help.out.join('\n')).toContain('engines');
  expect(await here.vault([])).toMatchObject({ code: 2, out: [] });
  expect(await here.vault(['--version'])).toEqual({
    code: 0,
    out: [expect.stringMatching(/^\d+\.\d+\.\d+$/)],
    err: [],
  });
});

test('a credential is read from a file', async () => {
  const key = await here.file('engine.key', `${SECRET}=\n`);
  const env = { VAULT_ENGINE_ID: 'one', VAULT_ENGINE_KEY_FILE: key };
  expect((await here.vault(['token', 'status', 'u1'], { env })).err).toEqual([
    expect.stringContaining('unauthorized_engine'),
  ]);
  const missing = { ...env, VAULT_ENGINE_KEY_FILE: join(here.folder, 'none') };
  expect(await here.vault(['token', 'status', 'u1'], { env: missing })).toMatchObject({ code: 78 });
});
