import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { inspect } from 'node:util';
import {
  deriveEngineKeys,
  encodeReplyHeaders,
  mintCredential,
  openFromEngine,
  revealCredential,
  verifyRequest,
} from '@vault-engine/protocol';
import { openWorld, type World } from '@vault-engine/world';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectVault, type VaultClient, type VaultOptions } from './connect-vault.ts';
import { failed, issued, openScriptedVault, type ScriptedVault, type Twist } from './testing/scripted-vault.ts';
import { VaultClosed, VaultError, VaultTimeout } from './vault-error.ts';

const ENGINE = 'action';
const credential = mintCredential();
const keys = deriveEngineKeys(ENGINE, credential);
const stranger = deriveEngineKeys('sync', mintCredential());

let world: World;
let vault: ScriptedVault;
let options: VaultOptions;
let client: VaultClient;
const logged: unknown[] = [];

beforeAll(async () => {
  world = await openWorld();
  vault = await openScriptedVault(world, keys, [ENGINE]);
  options = {
    brokers: world.brokers,
    registryUrl: world.registryUrl,
    engine: ENGINE,
    credential: revealCredential(credential),
    topicPrefix: world.topicPrefix,
    log: (...line) => logged.push(line),
  };
  client = await connectVault(options);
});

afterEach(() => {
  expect(vault.failures()).toEqual([]);
  logged.length = 0;
});

afterAll(async () => {
  await client.close();
  await vault.close();
  await world.close();
});

const stored = { user_id: 'u1', platform: 'gmail', token_version: 7, revision: 9 };
const gmail = { userId: 'u1', platform: 'gmail' };

describe('a request', () => {
  test('is signed by the engine, and its tokens are sealed for their fields', async () => {
    const seen: unknown[] = [];
    vault.respond = async (received) => {
      const { headers, topic, key, value } = received;
      const decoded = await vault.codec.decode(value);
      if (!decoded.ok || decoded.name !== 'StoreToken') throw new Error('no StoreToken');
      const box = decoded.value.refresh_token ?? Buffer.alloc(0);
      const at = {
        topic,
        commandId: headers.commandId,
        commandType: 'StoreToken',
        user: 'u1',
        platform: 'gmail',
        field: 'refresh_token',
      };
      seen.push(verifyRequest(keys, headers, { topic, key, value }), openFromEngine(keys, at, box).ok, {
        ...decoded.value,
        access_token: value.includes('canary'),
        refresh_token: value.includes('r1-'),
        expires_at: decoded.value.expires_at,
      });
      seen.push(headers.idempotencyKey, headers.timeoutMs, headers.traceparent);
      await vault.reply(received, 'TokenStored', stored);
    };
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const input = { ...gmail, accessToken: 'canary', refreshToken: 'r1-canary', scopes: ['email'], params: { a: 'b' } };
    const answer = await client.storeToken(
      { ...input, expiresAt: new Date(1_900_000_000_000) },
      { idempotencyKey: 'once', timeoutMs: 4_000, traceparent },
    );
    expect(answer).toEqual({ userId: 'u1', platform: 'gmail', tokenVersion: 7, revision: 9 });
    expect(seen).toEqual([
      true,
      true,
      {
        user_id: 'u1',
        platform: 'gmail',
        access_token: false,
        refresh_token: false,
        expires_at: 1_900_000_000_000,
        scopes: ['email'],
        token_type: 'Bearer',
        refresh_expires_at: null,
        params: { a: 'b' },
        flow_id: null,
        allow_account_change: false,
      },
      'once',
      4_000,
      traceparent,
    ]);
  });

  test('returns the token, which is not visible where the result is logged', async () => {
    vault.respond = async (received) => vault.reply(received, 'TokenIssued', issued(received, 'canary-access', keys));
    const token = await client.getToken({ ...gmail, minValiditySeconds: 60, rejectedVersion: 6 });
    expect(token.accessToken).toBe('canary-access');
    expect(token).toMatchObject({
      tokenType: 'Bearer',
      expiresAt: new Date(1_900_000_000_000),
      scopes: ['email'],
      tokenVersion: 7,
      params: { region: 'eu' },
    });
    expect(`${JSON.stringify(token)} ${inspect(token, { showHidden: true })} ${inspect({ ...token })}`).not.toContain(
      'canary',
    );
  });

  test('returns the status of all platforms', async () => {
    const connection = {
      platform: 'gmail',
      display_name: 'Gmail',
      status: 'CONNECTED' as const,
      suggested_action: 'NONE' as const,
      reason: null,
      expires_at: 1_900_000_000_000,
      lapses_at: null,
      scopes: ['email'],
    };
    vault.respond = async (received) =>
      vault.reply(received, 'StatusSnapshot', { user_id: 'u1', revision: 3, connections: [connection] });
    expect(await client.getStatus({ userId: 'u1' })).toEqual({
      userId: 'u1',
      revision: 3,
      platforms: [
        {
          platform: 'gmail',
          displayName: 'Gmail',
          status: 'CONNECTED',
          suggestedAction: 'NONE',
          reason: null,
          expiresAt: new Date(1_900_000_000_000),
          lapsesAt: null,
          scopes: ['email'],
        },
      ],
    });
  });

  test('revokes and forgets', async () => {
    vault.respond = async (received) =>
      received.headers.commandType === 'ForgetUser'
        ? vault.reply(received, 'UserForgotten', { user_id: 'u1', connections: 2 })
        : vault.reply(received, 'TokenRevoked', {
            user_id: 'u1',
            platform: 'gmail',
            revision: 4,
            provider_outcome: 'failed',
            provider_reason: 'no_answer',
          });
    expect(await client.revokeToken(gmail)).toEqual({
      userId: 'u1',
      platform: 'gmail',
      revision: 4,
      providerOutcome: 'failed',
      providerReason: 'no_answer',
    });
    expect(await client.forgetUser({ userId: 'u1' })).toEqual({ userId: 'u1', connections: 2 });
  });

  test('reports a revoked grant', async () => {
    const asked: unknown[] = [];
    vault.respond = async (received) => {
      const decoded = await vault.codec.decode(received.value);
      if (decoded.ok) asked.push(decoded.value);
      const reported = { user_id: 'u1', platform: 'gmail', outcome: 'older_version', token_version: 8, revision: 4 };
      return vault.reply(received, 'RevocationReported', reported);
    };
    expect(await client.reportRevoked({ ...gmail, tokenVersion: 7 })).toEqual({
      userId: 'u1',
      platform: 'gmail',
      outcome: 'older_version',
      tokenVersion: 8,
      revision: 4,
    });
    expect(asked).toContainEqual({ user_id: 'u1', platform: 'gmail', token_version: 7 });
  });

  test('starts a flow, with a given id or without', async () => {
    const asked: unknown[] = [];
    vault.respond = async (received) => {
      const decoded = await vault.codec.decode(received.value);
      if (decoded.ok) asked.push(decoded.value);
      const started = { user_id: 'u1', platform: 'gmail', flow_id: 'f1', expires_at: 1_900_000_000_000, revision: 4 };
      return vault.reply(received, 'ConnectionStarted', started);
    };
    const started = {
      userId: 'u1',
      platform: 'gmail',
      flowId: 'f1',
      expiresAt: new Date(1_900_000_000_000),
      revision: 4,
    };
    expect(await client.startConnection({ ...gmail, flowId: 'f1' })).toEqual(started);
    expect(await client.startConnection(gmail)).toEqual(started);
    const connection = { user_id: 'u1', platform: 'gmail' };
    expect(asked).toContainEqual({ ...connection, flow_id: 'f1' });
    expect(asked).toContainEqual({ ...connection, flow_id: null });
  });

  test('among many concurrent ones gets its own reply', async () => {
    vault.respond = async (received) =>
      vault.reply(received, 'TokenIssued', issued(received, `token of ${received.key}`, keys));
    const users = Array.from({ length: 300 }, (_, index) => `u${index}`);
    const tokens = await Promise.all(users.map((userId) => client.getToken({ userId, platform: 'gmail' })));
    expect(tokens.map(({ accessToken }) => accessToken)).toEqual(users.map((user) => `token of ${user}`));
  });
});

describe('a refusal', () => {
  test('is a VaultError with the suggested action', async () => {
    vault.respond = async (received) => vault.reply(received, 'CommandFailed', failed('rate_limited', 250));
    const error: unknown = await client.getToken(gmail).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(VaultError);
    expect(error).toMatchObject({
      code: 'rate_limited',
      message: 'as the vault says',
      suggestedAction: 'retry',
      retryAfterMs: 250,
      retryable: true,
      requestId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/),
    });
  });

  test.each([
    ['retry', true, 'retry'],
    ['reboot', false, 'contact_operator'],
  ])('with an unknown code is handled by its action %s', async (action, retryable, suggestedAction) => {
    vault.respond = async (received) => vault.reply(received, 'CommandFailed', failed('moon_phase', null, action));
    await expect(client.getToken(gmail)).rejects.toMatchObject({ code: 'moon_phase', retryable, suggestedAction });
  });

  test.each([
    ['a timeout out of bounds', { timeoutMs: 600_001 }],
    ['an idempotency key that is not ASCII', { idempotencyKey: 'ключ' }],
  ])('comes before sending for %s', async (_, bad) => {
    vault.respond = () => Promise.reject(new Error('it was sent'));
    await expect(client.getToken(gmail, bad)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('comes before sending for a value that does not fit the schema, and names the field', async () => {
    await expect(client.getToken({ ...gmail, minValiditySeconds: 0.5 })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('min_validity_seconds'),
    });
  });
});

describe('the client drops, and the request keeps waiting:', () => {
  const other = randomBytes(32);
  // Not hexadecimal, so that no id in the log can contain it by chance.
  const FORGED = 'forged';
  const twists: readonly (readonly [string, Twist])[] = [
    ['a reply that was tampered with', { tamper: true }],
    ["a reply under another engine's key", { keys: stranger }],
    ["a reply under another engine's key with this engine's kid", { keys: stranger, kid: keys.kid }],
    ['a reply with the kid of another key of this engine', { kid: '00000000' }],
    ['a reply to another request', { requestMac: other }],
    ['a reply made for another topic', { macTopic: 'elsewhere' }],
    ['a reply to another command id', { correlation: randomBytes(16) }],
    ['an unsigned reply', { unsigned: true }],
  ];
  test.each(twists)('%s', async (_, twist) => {
    vault.respond = async (received) => {
      await vault.reply(received, 'TokenIssued', issued(received, FORGED, keys), twist);
      await vault.reply(received, 'TokenIssued', issued(received, 'good', keys));
    };
    expect((await client.getToken(gmail)).accessToken).toBe('good');
    expect(inspect(logged)).not.toContain(FORGED);
  });

  test.each([
    ['a reply whose header names another type than its record', { headerType: 'TokenIssued' }],
    ["a reply of another type than the request's", {}],
  ])('%s', async (_, twist) => {
    vault.respond = async (received) => {
      await vault.reply(received, 'TokenStored', stored, twist);
      await vault.reply(received, 'TokenIssued', issued(received, 'good', keys));
    };
    expect((await client.getToken(gmail)).accessToken).toBe('good');
  });

  test('a token that was sealed under another key', async () => {
    vault.respond = async (received) => {
      await vault.reply(received, 'TokenIssued', issued(received, 'bad', stranger));
      await vault.reply(received, 'TokenIssued', issued(received, 'good', keys));
    };
    expect((await client.getToken(gmail)).accessToken).toBe('good');
  });

  test('records without headers, without value, or with a random MAC', async () => {
    vault.respond = async (received) => {
      const { correlation, replyTopic: topic, replyPartition: partition } = received.headers;
      const to = { topic, partition, key: null };
      await vault.send({ ...to, value: randomBytes(40) });
      await vault.send({ ...to, value: null, headers: { kafka_correlationId: correlation } });
      const signature = { kid: keys.kid, mac: randomBytes(32) };
      await vault.send({ ...to, value: null, headers: encodeReplyHeaders(correlation, 'TokenIssued', signature) });
      await vault.reply(received, 'TokenIssued', issued(received, 'good', keys));
    };
    expect((await client.getToken(gmail)).accessToken).toBe('good');
  });

  test('a second reply, and a late reply', async () => {
    const late = Promise.withResolvers<void>();
    vault.respond = async (received) => {
      if (received.key.equals(Buffer.from('slow'))) await late.promise;
      await vault.reply(received, 'TokenIssued', issued(received, 'first', keys));
      await vault.reply(received, 'CommandFailed', failed('internal'));
    };
    await expect(client.getToken({ ...gmail, userId: 'slow' }, { timeoutMs: 50 })).rejects.toBeInstanceOf(VaultTimeout);
    late.resolve();
    expect((await client.getToken(gmail)).accessToken).toBe('first');
    expect((await client.getToken(gmail)).accessToken).toBe('first');
  });
});

describe('without a reply', () => {
  const silence = () => Promise.resolve();

  test('a request ends at its timeout, and the error says what to check', async () => {
    vault.respond = silence;
    const began = performance.now();
    const error = await client.getToken(gmail, { timeoutMs: 120 }).catch((thrown) => thrown);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(error).toBeInstanceOf(VaultTimeout);
    expect(error).toMatchObject({ code: 'deadline_exceeded', retryable: true, credentialQuestioned: false });
    expect(error.message).toContain('GetToken within 120 ms');
  });

  test('an unsigned notice is named in the timeout, and does not end the request', async () => {
    vault.respond = (received) =>
      vault.reply(received, 'CommandFailed', failed('unauthorized_engine', null, 'check_engine_key'), {
        unsigned: true,
      });
    // The notice must arrive before the timeout.
    const error = await client.getToken(gmail, { timeoutMs: 1_500 }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'deadline_exceeded', credentialQuestioned: true });
    expect(error.message).toContain('check the credential');
  });

  test('an aborted request ends immediately with the reason of its signal', async () => {
    vault.respond = silence;
    const abort = new AbortController();
    const waiting = client.getToken(gmail, { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await expect(client.getToken(gmail, { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(client.getToken(gmail, { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });
});

describe('a client', () => {
  test('gets replies on its chosen partition', async () => {
    const partitions: number[] = [];
    vault.respond = async (received) => {
      partitions.push(received.headers.replyPartition);
      await vault.reply(received, 'TokenIssued', issued(received, 'good', keys));
    };
    const chosen = await connectVault({ ...options, replyPartition: 1 });
    await chosen.getToken(gmail);
    await chosen.close();
    // The client resends a command whose acknowledgement is late.
    expect(new Set(partitions)).toEqual(new Set([1]));
  });

  test('rejects pending and later requests once closed, and can be closed again', async () => {
    vault.respond = () => Promise.resolve();
    const other = await connectVault(options);
    const waiting = other.getToken(gmail);
    const rejected = expect(waiting).rejects.toBeInstanceOf(VaultClosed);
    await other.close();
    await rejected;
    await expect(other.getToken(gmail)).rejects.toBeInstanceOf(VaultClosed);
    await other.close();
  });

  test('is refused a malformed credential, without the text in the message', async () => {
    const error = await connectVault({ ...options, credential: 'vek1.canary' }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'unauthorized_engine' });
    expect(error.message).not.toContain('canary');
  });

  test('is told the reply topic that does not exist', async () => {
    await expect(connectVault({ ...options, engine: 'nobody' })).rejects.toThrow(`vault.replies.nobody`);
  });

  test('leaves nothing open after closing: the process exits by itself', async () => {
    vault.respond = async (received) => vault.reply(received, 'TokenIssued', issued(received, 'good', keys));
    const script = `
      import { connectVault } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
      const vault = await connectVault(JSON.parse(process.env.OPTIONS));
      await vault.getToken({ userId: 'u1', platform: 'gmail' });
      await vault.close();
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, OPTIONS: JSON.stringify(options) },
      stdio: 'inherit',
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
