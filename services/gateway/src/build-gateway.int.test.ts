import { once } from 'node:events';
import { Agent, type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Caller, VaultError } from '@vault-engine/client';
import { revealCredential } from '@vault-engine/protocol';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Answered, buildGateway } from './build-gateway.ts';
import type { HttpSettings } from './config.ts';
import { tableOfOne } from './testing/engine-table.ts';
import { selfSigned } from './testing/self-signed.ts';

/** What was asked of the vault. */
interface Asked {
  readonly engine: string;
  readonly command: string;
  readonly user: string;
  readonly options: NonNullable<Parameters<Caller['call']>[2]>;
}

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
  readonly json: Record<string, unknown>;
}

const { table, credentials } = tableOfOne();
const credential = revealCredential(credentials.active);
const asked: Asked[] = [];
const answered: Answered[] = [];
const noted: unknown[] = [];
const agent = new Agent({ keepAlive: true });
const plain: HttpSettings = { host: '127.0.0.1', port: 0, tls: null, timeoutMs: 3_000 };
let vaultAnswers: () => unknown;
let app: FastifyInstance;

const open = async (http: HttpSettings): Promise<FastifyInstance> => {
  const gateway = await buildGateway({
    table,
    // The double answers what a test says, whichever operation asks.
    caller: {
      call: async <Value>(
        { engine }: { engine: string },
        { command, user }: { command: string; user: string },
        options: Asked['options'] = {},
      ) => {
        asked.push({ engine, command, user, options });
        return (await vaultAnswers()) as Value;
      },
    },
    attempts: { note: (...attempt) => noted.push(attempt) },
    http,
    health: () => ({ ready: true, stopping: false, parts: {} }),
    now: () => 1_899_999_900_500,
    onAnswered: (one) => answered.push(one),
  });
  await gateway.listen({ host: http.host, port: http.port });
  return gateway;
};

const portOf = ({ server }: FastifyInstance): number => (server.address() as AddressInfo).port; // it listens on a port

beforeAll(async () => {
  app = await open(plain);
});
beforeEach(() => {
  for (const list of [asked, answered, noted]) list.length = 0;
  vaultAnswers = () => {
    throw new Error('the vault was asked');
  };
});
afterAll(async () => {
  agent.destroy();
  await app.close();
});

const authentic = { 'x-engine-id': 'action', 'x-engine-key': credential };
const json = { 'content-type': 'application/json' };

const send = async (path: string, body: string | Buffer | null, options: RequestOptions = {}): Promise<Reply> => {
  const message = request({ host: '127.0.0.1', port: portOf(app), path, method: 'POST', agent, ...options });
  message.end(body ?? undefined);
  const [response] = await once(message, 'response');
  const answer = await text(response);
  const isJson = String(response.headers['content-type']).startsWith('application/json');
  return {
    status: response.statusCode,
    headers: response.headers,
    body: answer,
    json: isJson && answer !== '' ? JSON.parse(answer) : {},
  };
};

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  send(path, JSON.stringify(body), { headers: { ...authentic, ...json, ...headers } });

const gmail = { user_id: 'u1', platform: 'gmail' };
const tokenStored = { userId: 'u1', platform: 'gmail', tokenVersion: 7, revision: 9 };
const tokenIssued = {
  userId: 'u1',
  platform: 'gmail',
  accessToken: 'abcd',
  tokenType: 'Bearer',
  expiresAt: new Date(1_900_000_000_900),
  scopes: ['email'],
  tokenVersion: 7,
  params: { region: 'eu' },
  warning: null,
};

describe('a request', () => {
  test('stores a token, in the name of the engine whose credential it carries', async () => {
    vaultAnswers = () => tokenStored;
    const body = { ...gmail, access_token: 'abcd', refresh_token: 'r1', expires_at: 1_900_000_000, scopes: ['email'] };
    const reply = await post('/store_token', body, { 'idempotency-key': 'once' });
    expect(reply).toMatchObject({ status: 200, json: { ...gmail, token_version: 7, revision: 9 } });
    const options = expect.objectContaining({
      idempotencyKey: 'once',
      timeoutMs: 3_000,
      commandId: reply.headers['x-command-id'],
    });
    expect(asked).toEqual([{ engine: 'action', command: 'StoreToken', user: 'u1', options }]);
    expect(reply.headers['cache-control']).toBe('no-store');
  });

  test('stores the fields of a token response as they came: expires_in, and scopes as a text', async () => {
    vaultAnswers = () => ({ userId: 'u1', platform: 'gmail', tokenVersion: 5, revision: 9 });
    const body = { ...gmail, access_token: 'abcd', token_type: 'Bearer', expires_in: 100, scopes: 'email profile' };
    expect(await post('/store_token', body)).toMatchObject({ status: 200 });
    expect(await post('/store_token', { ...gmail, access_token: 'abcd' })).toMatchObject({ status: 200 });
    expect(asked.map(({ command }) => command)).toEqual(['StoreToken', 'StoreToken']);
  });

  test('gets a token, its expiry in whole seconds', async () => {
    vaultAnswers = () => tokenIssued;
    const reply = await post('/get_token', { ...gmail, min_validity_seconds: 60, rejected_version: null });
    expect(reply.json).toEqual({
      ...gmail,
      access_token: 'abcd',
      token_type: 'Bearer',
      expires_at: 1_900_000_000,
      scopes: ['email'],
      token_version: 7,
      params: { region: 'eu' },
      warning: null,
    });
  });

  test('gets the status, platforms by their display names', async () => {
    const platform = {
      platform: 'gmail',
      displayName: 'Gmail',
      status: 'CONNECTED',
      suggestedAction: 'NONE',
      reason: null,
      expiresAt: new Date(1_900_000_000_000),
      lapsesAt: null,
      scopes: ['email'],
    };
    const missing = { ...platform, platform: 'notion', displayName: 'Notion', expiresAt: null, scopes: [] };
    vaultAnswers = () => ({
      userId: 'u1',
      revision: 9,
      platforms: [
        platform,
        { ...missing, status: 'MISSING', suggestedAction: 'CONNECT' },
        { ...missing, status: 'EXPIRED', suggestedAction: 'REAUTH', reason: 'access_token_expired' },
        { ...missing, status: 'UNKNOWN' },
      ],
    });
    const { json } = await post('/get_status', { user_id: 'u1' });
    const common = { reason: null, expires_at: null, lapses_at: null, scopes: [] };
    const notion = { ...common, platform: 'Notion', platform_id: 'notion' };
    expect(json).toEqual({
      user_id: 'u1',
      revision: 9,
      connected_platforms: [
        {
          ...common,
          platform: 'Gmail',
          platform_id: 'gmail',
          status: 'active',
          suggested_action: 'none',
          expires_at: 1_900_000_000,
          scopes: ['email'],
        },
        { ...notion, status: 'missing', suggested_action: 'connect' },
        { ...notion, status: 'expired', suggested_action: 'reauth', reason: 'access_token_expired' },
        { ...notion, status: 'expired', suggested_action: 'none' },
      ],
    });
  });

  test('revokes and forgets', async () => {
    const revoked = { userId: 'u1', platform: 'gmail', revision: 9 };
    vaultAnswers = () => ({ ...revoked, providerOutcome: 'failed', providerReason: 'no_answer' });
    expect((await post('/revoke_token', gmail)).json).toEqual({
      ...gmail,
      revision: 9,
      provider_outcome: 'failed',
      provider_reason: 'no_answer',
    });
    vaultAnswers = () => ({ userId: 'u1', connections: 2 });
    expect((await post('/forget_user', { user_id: 'u1' })).json).toEqual({ user_id: 'u1', connections: 2 });
    expect(asked.map(({ command }) => command)).toEqual(['RevokeToken', 'ForgetUser']);
  });

  test('starts a flow, its end in whole seconds', async () => {
    const started = {
      userId: 'u1',
      platform: 'gmail',
      flowId: 'f1',
      expiresAt: new Date(1_900_000_000_900),
      revision: 9,
    };
    vaultAnswers = () => started;
    const { json } = await post('/start_connection', { ...gmail, flow_id: 'f1' });
    expect(json).toEqual({ ...gmail, flow_id: 'f1', expires_at: 1_900_000_000, revision: 9 });
    expect(asked.map(({ command }) => command)).toEqual(['StartConnection']);
  });

  test('gets its label back, or the id of its command without a label', async () => {
    vaultAnswers = () => tokenIssued;
    const labelled = await post('/get_token', gmail, { 'x-request-id': 'my-label' });
    expect(labelled.headers['x-request-id']).toBe('my-label');
    expect(labelled.headers['x-command-id']).toBe(asked[0]?.options.commandId);
    const plain = await post('/get_token', gmail);
    expect(plain.headers['x-request-id']).toBe(plain.headers['x-command-id']);
    const refused = await post('/get_token', {}, { 'x-request-id': 'my-label' });
    expect(refused.json['request_id']).toBe('my-label');
  });

  test("gets the vault's refusal, and the time to wait", async () => {
    vaultAnswers = () => {
      throw new VaultError('rate_limited', 'the engine exceeded its rate; next command after retry_after_ms', {
        retryAfterMs: 1_200,
      });
    };
    const reply = await post('/get_token', gmail, { 'x-request-id': 'label' });
    expect(reply).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    expect(reply.json).toEqual({
      error_code: 'rate_limited',
      message: 'the engine exceeded its rate; next command after retry_after_ms',
      suggested_action: 'retry',
      request_id: 'label',
      retry_after_ms: 1_200,
    });
    expect(answered).toMatchObject([{ engine: 'action', route: '/get_token', status: 429, result: 'rate_limited' }]);
  });

  test('that fails unexpectedly discloses nothing of the error, which goes to the operator', async () => {
    vaultAnswers = () => {
      throw new Error('canary');
    };
    const reply = await post('/get_token', gmail);
    expect(reply).toMatchObject({ status: 500, json: { error_code: 'internal' } });
    expect(reply.body).not.toContain('canary');
    expect(answered).toMatchObject([{ result: 'internal', error: new Error('canary') }]);
  });

  test('ends the wait for its answer when the caller disconnects, and only then', async () => {
    const never = Promise.withResolvers<never>();
    vaultAnswers = () => never.promise;
    const hangsUp = request({
      host: '127.0.0.1',
      port: portOf(app),
      path: '/get_token',
      method: 'POST',
      headers: { ...authentic, ...json },
    });
    hangsUp.on('error', () => {});
    hangsUp.end(JSON.stringify(gmail));
    await vi.waitUntil(() => asked.length === 1);
    expect(asked[0]?.options.signal?.aborted).toBe(false);
    hangsUp.destroy();
    await vi.waitUntil(() => asked[0]?.options.signal?.aborted);
    never.reject(new Error('aborted'));

    vaultAnswers = () => tokenIssued;
    await post('/get_token', gmail);
    expect(asked[1]?.options.signal?.aborted).toBe(false);
  });
});

describe('a caller without a valid credential', () => {
  test.each<[string, string, Record<string, string>]>([
    ['no headers', 'no_credential', {}],
    ['a wrong key', 'unknown_key', { 'x-engine-id': 'action', 'x-engine-key': `vek1.00000000.${'A'.repeat(43)}` }],
    ['a key for Kafka', 'key_not_for_http', { ...authentic, 'x-engine-key': revealCredential(credentials.kafka) }],
    ['an unknown engine', 'unknown_engine', { ...authentic, 'x-engine-id': 'stranger' }],
  ])('with %s is refused before its body is looked at, in the same words, and counted', async (_, reason, headers) => {
    const began = performance.now();
    const reply = await send('/get_token', '{ not json', { headers: { ...headers, ...json } });
    expect(performance.now() - began).toBeLessThan(500);
    expect(reply).toMatchObject({ status: 401, headers: { 'www-authenticate': expect.any(String) } });
    expect(reply.json).toEqual({
      error_code: 'unauthorized_engine',
      message: 'X-Engine-ID or X-Engine-Key is missing, wrong, or not valid for HTTP',
      suggested_action: 'check_engine_key',
      request_id: reply.headers['x-request-id'],
    });
    expect(noted).toEqual([[headers['x-engine-id'] === 'action' ? 'action' : null, reason]]);
    expect(asked).toEqual([]);
  });
});

describe('a malformed request gets a structured error that repeats no value:', () => {
  const headers = { ...authentic, ...json };
  const canary = 'canary-value';
  const store = { ...gmail, access_token: canary, scopes: ['email'] };
  test.each<[string, number, string, string | Buffer | null, RequestOptions, RegExp]>([
    ['malformed JSON', 400, '/get_token', `{"user_id":"${canary}",`, { headers }, /not JSON/],
    ['an empty body', 400, '/get_token', '', { headers }, /empty/],
    ['a poisoned prototype', 400, '/get_token', '{"__proto__":{"a":1}}', { headers }, /"__proto__" is not allowed/],
    ['a duplicate field', 400, '/get_token', '{"user_id":"a","user_id":"b"}', { headers }, /duplicate field "user_id"/],
    [
      'a field in camel case',
      400,
      '/get_token',
      JSON.stringify({ ...gmail, userId: canary }),
      { headers },
      /unknown fields "userId"/,
    ],
    [
      'a compressed body',
      415,
      '/get_token',
      '{}',
      { headers: { ...headers, 'content-encoding': 'gzip' } },
      /content coding/,
    ],
    [
      'another charset',
      415,
      '/get_token',
      '{}',
      { headers: { ...headers, 'content-type': 'application/json; charset=latin1' } },
      /UTF-8/,
    ],
    [
      'a malformed label',
      400,
      '/get_token',
      JSON.stringify(gmail),
      { headers: { ...headers, 'x-request-id': 'not a label' } },
      /^x-request-id: /,
    ],
    [
      'both expiries',
      400,
      '/store_token',
      JSON.stringify({ ...store, expires_in: 60, expires_at: 1_900_000_000 }),
      { headers },
      /^expires_in: expected without expires_at/,
    ],
    ['an array', 400, '/get_token', '[]', { headers }, /expected object/],
    ['null', 400, '/get_token', 'null', { headers }, /expected object/],
    [
      'a body of another content type',
      415,
      '/get_token',
      'a=b',
      { headers: { ...authentic, 'content-type': 'text/plain' } },
      /application\/json/,
    ],
    ['a body without a type', 415, '/get_token', '{}', { headers: authentic }, /application\/json/],
    ['a body of 5 MB', 413, '/store_token', Buffer.alloc(5_000_000, 'x'), { headers }, /256 KiB/],
    ['missing fields', 400, '/store_token', '{}', { headers }, /user_id.*platform.*access_token/],
    ['a wrong type', 400, '/store_token', JSON.stringify({ ...store, scopes: 7 }), { headers }, /^scopes: /],
    ['a wrong type in a list', 400, '/store_token', JSON.stringify({ ...store, scopes: [1] }), { headers }, /^scopes/],
    ['an unknown field', 400, '/store_token', JSON.stringify({ ...store, expires: canary }), { headers }, /"expires"/],
    [
      'a malformed user id',
      400,
      '/get_token',
      JSON.stringify({ ...gmail, user_id: `${canary} ü` }),
      { headers },
      /^user_id: expected 1 to 128/,
    ],
    [
      'a malformed platform id',
      400,
      '/get_token',
      JSON.stringify({ ...gmail, platform: `${canary}/` }),
      { headers },
      /^platform: /,
    ],
    [
      'milliseconds for seconds',
      400,
      '/store_token',
      JSON.stringify({ ...store, expires_at: 1_900_000_000_000 }),
      { headers },
      /^expires_at: .*not milliseconds/,
    ],
    [
      'a fraction of a second',
      400,
      '/store_token',
      JSON.stringify({ ...store, expires_at: 1.5 }),
      { headers },
      /^expires_at: .*whole/,
    ],
    [
      'a negative validity',
      400,
      '/get_token',
      JSON.stringify({ ...gmail, min_validity_seconds: -1 }),
      { headers },
      /^min_validity_seconds: /,
    ],
    [
      'an idempotency key that is too long for a command header',
      400,
      '/get_token',
      JSON.stringify(gmail),
      { headers: { ...headers, 'idempotency-key': 'x'.repeat(256) } },
      /^idempotency-key: /,
    ],
    ['an unknown route', 404, `/${canary}`, '{}', { headers }, /no such route/],
    [
      'a malformed flow id',
      400,
      '/start_connection',
      JSON.stringify({ ...gmail, flow_id: 'a b' }),
      { headers },
      /^flow_id: /,
    ],
    ['another method', 405, '/get_token', null, { headers: authentic, method: 'GET' }, /method/],
    ['a method that no route has', 405, '/get_token', null, { headers: authentic, method: 'DELETE' }, /method/],
    ['a path that cannot be decoded', 400, '/%zz', '{}', { headers }, /malformed/],
    [
      'headers beyond 8 KiB',
      431,
      '/get_token',
      '{}',
      { headers: { ...headers, filler: 'x'.repeat(9_000) }, agent: false },
      /headers/,
    ],
  ])('%s', async (_, status, path, body, options, message) => {
    const reply = await send(path, body, options);
    expect(reply.status).toBe(status);
    expect(reply.json).toEqual({
      error_code: 'invalid_request',
      message: expect.stringMatching(message),
      suggested_action: 'fix_request',
      request_id: reply.headers['x-request-id'],
    });
    expect(reply.body).not.toContain(canary);
    if (status === 405) expect(reply.headers['allow']).toBe('POST');
    expect(asked).toEqual([]);
  });

  test('bytes that are not HTTP', async () => {
    const socket = connect(portOf(app), '127.0.0.1');
    socket.end('canary is no HTTP\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('"error_code":"invalid_request"');
    expect(answer).not.toContain('canary');
  });

  test.each<[string, string, number]>([
    ['no Host', 'POST /get_token HTTP/1.1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n', 400],
    ['an unknown expectation', 'POST /get_token HTTP/1.1\r\nhost: vault\r\nexpect: 200-ok\r\n\r\n', 417],
    ['CONNECT', 'CONNECT example.test:443 HTTP/1.1\r\nhost: example.test\r\n\r\n', 405],
    [
      'a transfer coding besides chunked',
      'POST /get_token HTTP/1.1\r\nhost: vault\r\ntransfer-encoding: gzip, chunked\r\nconnection: close\r\n\r\n0\r\n\r\n',
      501,
    ],
  ])('%s', async (_, bytes, status) => {
    const socket = connect(portOf(app), '127.0.0.1');
    socket.write(bytes);
    const answer = await text(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toMatchObject({
      error_code: 'invalid_request',
      suggested_action: 'fix_request',
    });
  });

  test('headers that do not end', async () => {
    const socket = connect(portOf(app), '127.0.0.1');
    socket.write('POST /get_token HTTP/1.1\r\nhost: vault\r\n');
    const drip = setInterval(() => socket.write('x-more: 1\r\n'), 500);
    const answer = await text(socket);
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"error_code":"invalid_request"');
  }, 15_000);
});

describe('the gateway', () => {
  test('answers on its own port that it is alive and ready', async () => {
    const get = { method: 'GET' };
    expect(await send('/healthz', null, get)).toMatchObject({ status: 200, body: 'alive\n' });
    expect(await send('/readyz', null, get)).toMatchObject({ status: 200, json: { ready: true } });
  });

  test('describes exactly its routes, with the schemas that it validates with', async () => {
    const { json } = await send('/openapi.json', null, { method: 'GET' });
    const { paths } = json as { paths: Record<string, { post: { requestBody: object; responses: object } }> };
    expect(json['openapi']).toBe('3.1.0');
    expect(Object.keys(paths)).toEqual([
      '/store_token',
      '/get_token',
      '/get_status',
      '/revoke_token',
      '/start_connection',
      '/forget_user',
    ]);
    expect(paths['/store_token']?.post.requestBody).toMatchObject({
      content: {
        'application/json': {
          schema: {
            required: ['user_id', 'platform', 'access_token'],
            additionalProperties: false,
            properties: {
              user_id: { pattern: '^[A-Za-z0-9._@|+-]{1,128}$', examples: ['u1'] },
              platform: { pattern: expect.any(String) },
            },
          },
        },
      },
    });
    const { post } = paths['/get_token'] ?? expect.fail('no such path');
    expect(post).toMatchObject({ operationId: 'getToken' });
    expect(Object.keys(post.responses)).toEqual([
      '200',
      '400',
      '401',
      '403',
      '404',
      '408',
      '409',
      '413',
      '415',
      '417',
      '429',
      '431',
      '500',
      '501',
      '503',
      '504',
    ]);
    expect(post.responses).toMatchObject({
      404: {
        content: {
          'application/json': {
            schema: {
              properties: {
                error_code: { enum: expect.arrayContaining(['not_connected', 'internal']) },
                suggested_action: { enum: expect.arrayContaining(['connect', 'retry']) },
              },
            },
          },
        },
      },
    });
  });

  test('accepts only TLS when it has a certificate', async () => {
    const tls = selfSigned();
    const secure = await open({ ...plain, tls });
    vaultAnswers = () => tokenIssued;
    const to = { host: '127.0.0.1', port: portOf(secure), path: '/get_token', method: 'POST' };
    const message = requestTls({ ...to, servername: 'localhost', ca: tls.cert, headers: { ...authentic, ...json } });
    message.end(JSON.stringify(gmail));
    const [response] = await once(message, 'response');
    expect(JSON.parse(await text(response))).toMatchObject({ access_token: 'abcd' });
    const clear = request({ ...to, headers: { ...authentic, ...json } });
    clear.end(JSON.stringify(gmail));
    await expect(once(clear, 'response')).rejects.toThrow();
    await secure.close();
  });
});
