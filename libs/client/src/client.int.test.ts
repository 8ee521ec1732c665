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
  test('is signed by the engine, and its tokens are sealed for their place in it', async () => {
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

  test('brings the token, which is not seen where the answer is logged', async () => {
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

  test('asks for the status of all platforms', async () => {
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

  test('starts a flow, by a name or without one', async () => {
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
    const place = { user_id: 'u1', platform: 'gmail' };
    expect(asked).toEqual([
      { ...place, flow_id: 'f1' },
      { ...place, flow_id: null },
    ]);
  });

  test('of many at once gets the answer that is its own', async () => {
    vault.respond = async (received) =>
      vault.reply(received, 'TokenIssued', issued(received, `token of ${received.key}`, keys));
    const users = Array.from({ length: 300 }, (_, index) => `u${index}`);
    const tokens = await Promise.all(users.map((userId) => client.getToken({ userId, platform: 'gmail' })));
    expect(tokens.map(({ accessToken }) => accessToken)).toEqual(users.map((user) => `token of ${user}`));
  });
});

describe('a refusal', () => {
  test('is a VaultError with what the caller can do', async () => {
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
  ])('with a code of a later vault goes by its action %s', async (action, retryable, suggestedAction) => {
    vault.respond = async (received) => vault.reply(received, 'CommandFailed', failed('moon_phase', null, action));
    await expect(client.getToken(gmail)).rejects.toMatchObject({ code: 'moon_phase', retryable, suggestedAction });
  });

  test.each([
    ['a timeout out of bounds', { timeoutMs: 600_001 }],
    ['an idempotency key that no header can hold', { idempotencyKey: 'ключ' }],
  ])('comes before sending for %s', async (_, bad) => {
    vault.respond = () => Promise.reject(new Error('it was sent'));
    await expect(client.getToken(gmail, bad)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('comes before sending for a value that the schema can not hold, and names the field', async () => {
    await expect(client.getToken({ ...gmail, minValiditySeconds: 0.5 })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('min_validity_seconds'),
    });
  });
});

describe('what is no authenticated answer is dropped, and the request waits on:', () => {
  const other = randomBytes(32);
  // No hex: the ids in the log must not hold it by chance.
  const FORGED = 'forged';
  const twists: readonly (readonly [string, Twist])[] = [
    ['a reply that was tampered with', { tamper: true }],
    ["a reply under another engine's key", { keys: stranger }],
    ["a reply under another engine's key that claims ours", { keys: stranger, kid: keys.kid }],
    ['a reply with the id of another key of ours', { kid: '00000000' }],
    ['a reply to another request', { requestMac: other }],
    ['a reply made for another topic', { macTopic: 'elsewhere' }],
    ['a reply to another command id', { correlation: randomBytes(16) }],
    ['an unsigned answer', { unsigned: true }],
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
    ['a reply of a type that was not asked for', {}],
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

  test('bytes without any of our headers, an empty record, and noise', async () => {
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

  test('the second of two answers, and an answer that comes late', async () => {
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

describe('without an answer', () => {
  const silence = () => Promise.resolve();

  test('the request ends at its time, and says what to check', async () => {
    vault.respond = silence;
    const began = performance.now();
    const error = await client.getToken(gmail, { timeoutMs: 120 }).catch((thrown) => thrown);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(error).toBeInstanceOf(VaultTimeout);
    expect(error).toMatchObject({ code: 'deadline_exceeded', retryable: true, credentialQuestioned: false });
    expect(error.message).toContain('GetToken within 120 ms');
  });

  test('an unsigned note is named and ends nothing before', async () => {
    vault.respond = (received) =>
      vault.reply(received, 'CommandFailed', failed('unauthorized_engine', null, 'check_engine_key'), {
        unsigned: true,
      });
    // The note has to be there before the time is over.
    const error = await client.getToken(gmail, { timeoutMs: 1_500 }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'deadline_exceeded', credentialQuestioned: true });
    expect(error.message).toContain('check the credential');
  });

  test('an aborted request ends at once with the reason of its signal', async () => {
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
  test('gets replies on the partition that it chose', async () => {
    const partitions: number[] = [];
    vault.respond = async (received) => {
      partitions.push(received.headers.replyPartition);
      await vault.reply(received, 'TokenIssued', issued(received, 'good', keys));
    };
    const chosen = await connectVault({ ...options, replyPartition: 1 });
    await chosen.getToken(gmail);
    await chosen.close();
    expect(partitions).toEqual([1]);
  });

  test('that is closed has rejected what waited, takes nothing more and can be closed again', async () => {
    vault.respond = () => Promise.resolve();
    const other = await connectVault(options);
    const waiting = other.getToken(gmail);
    const rejected = expect(waiting).rejects.toBeInstanceOf(VaultClosed);
    await other.close();
    await rejected;
    await expect(other.getToken(gmail)).rejects.toBeInstanceOf(VaultClosed);
    await other.close();
  });

  test('is refused a text that is no credential, without the text in the message', async () => {
    const error = await connectVault({ ...options, credential: 'vek1.canary' }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'unauthorized_engine' });
    expect(error.message).not.toContain('canary');
  });

  test('whose engine has no reply topic hears which topic that is', async () => {
    await expect(connectVault({ ...options, engine: 'nobody' })).rejects.toThrow(`vault.replies.nobody`);
  });

  test('leaves nothing open: its process ends by itself', async () => {
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
