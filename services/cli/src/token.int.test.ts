import { freePort, type RunningService, startService } from '@vault-engine/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliWorld, openCliWorld, type Ran } from './testing/cli-world.ts';

const TOKEN = 'the-access-token-of-this-test';
const REFRESH = 'the-refresh-token-of-this-test';

let here: CliWorld;
let worker: RunningService;
let identity: Record<string, string>;

beforeAll(async () => {
  here = await openCliWorld();
  await here.vault(['topics', 'apply']);
  await here.vault(['schemas', 'apply']);
  const { out } = await here.vault(['engines', 'add', 'action']);
  identity = { VAULT_ENGINE_ID: 'action', VAULT_ENGINE_KEY: out.join('') };
  worker = await startWorker();
});

afterAll(async () => {
  await worker?.stop();
  await here.close();
});

const startWorker = async (): Promise<RunningService> => {
  const port = await freePort();
  const { redisUrl, keyPrefix } = here.world;
  return startService({
    name: 'command-worker',
    entry: 'services/command-worker/src/main.ts',
    env: { ...here.env, VAULT_REDIS_URL: redisUrl, VAULT_KEY_PREFIX: keyPrefix, VAULT_METRICS_PORT: String(port) },
    ready: `http://127.0.0.1:${port}/readyz`,
    logDir: here.folder,
    onCrash: (what) => console.error(what),
  });
};

const token = (words: readonly string[], input?: string): Promise<Ran> =>
  here.vault(['token', ...words], { env: identity, ...(input === undefined ? {} : { input }) });

test('tokens are stored, fetched, listed and revoked, a flow is started, and the user is forgotten', async () => {
  const refresh = await here.file('refresh', `${REFRESH}\n`);
  const facts = ['--expires-at', '4000000000', '--scope', 'email', '--param', 'tenant=t1', '--allow-account-change'];
  const files = ['--access-token-file', '-', '--refresh-token-file', refresh];
  const stored = await token(['store', 'u1', 'gmail', ...files, ...facts], `${TOKEN}\n`);
  expect(stored).toMatchObject({ code: 0, out: [expect.stringMatching(/^gmail of u1 stored/)], err: [] });

  expect(await token(['get', 'u1', 'gmail'])).toEqual({ code: 0, out: [TOKEN], err: [] });
  const got = await token(['get', 'u1', 'gmail', '--json']);
  expect(JSON.parse(got.out.join(''))).toMatchObject({
    access_token: TOKEN,
    token_type: 'Bearer',
    expires_at: 4_000_000_000,
    scopes: ['email'],
    params: { tenant: 't1' },
  });
  expect(got.out.join('')).not.toContain(REFRESH);

  const status = await token(['status', 'u1']);
  expect(status.out).toContainEqual(expect.stringMatching(/^gmail +CONNECTED/));
  expect(status.out).toContainEqual(expect.stringMatching(/^notion +MISSING +.*CONNECT/));

  const started = await token(['start', 'u1', 'notion', '--flow-id', 'f1', '--json']);
  expect(JSON.parse(started.out.join(''))).toMatchObject({ user_id: 'u1', platform: 'notion', flow_id: 'f1' });
  expect((await token(['status', 'u1'])).out).toContainEqual(expect.stringMatching(/^notion +MISSING +.*RESUME/));
  expect((await token(['start', 'u1', 'notion'])).out).toEqual([
    expect.stringMatching(/^u1 started to connect notion \(flow [0-9a-f-]{36}, until 20.*Z\)$/),
  ]);

  expect(await token(['revoke', 'u1', 'gmail'])).toEqual({ code: 0, out: ['gmail of u1 revoked'], err: [] });
  const gone = await token(['get', 'u1', 'gmail']);
  expect(gone).toMatchObject({ code: 1, out: [], err: [expect.stringMatching(/^not_connected: .*connect, request /)] });

  await token(['store', 'u1', 'notion', '--access-token-file', '-'], TOKEN);
  const forgotten = await token(['forget', 'u1', '--json']);
  expect(JSON.parse(forgotten.out.join(''))).toEqual({ user_id: 'u1', connections: 1 });
});

test('a revoked key gets no reply, and the error says what to check', async () => {
  const rotated = await here.vault(['engines', 'rotate', 'action']);
  const old = identity['VAULT_ENGINE_KEY']?.split('.')[1] ?? '';
  await here.vault(['engines', 'revoke', 'action', old]);
  const refused = await token(['status', 'u1', '--timeout', '2000']);
  expect(refused).toMatchObject({ code: 1, out: [], err: [expect.stringMatching(/^deadline_exceeded: .*credential/)] });

  identity = { ...identity, VAULT_ENGINE_KEY: rotated.out.join('') };
  expect((await token(['status', 'u1'])).code).toBe(0);
});
