import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

describe('the source document’s requests over REST', () => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await openVault();
  });
  afterAll(() => vault.close());

  const ask = async (
    engine: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> => {
    const key = vault.engines[engine]?.key ?? '';
    const response = await fetch(`${vault.gateway}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-engine-id': engine, 'x-engine-key': key, ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] }; // the gateway answers objects
  };
  const expires_at = Math.floor(Date.now() / 1_000) + 3_600;

  it('stores the token of u1 on gmail under …u1:gmail', async () => {
    const stored = await ask('action', '/store_token', {
      user_id: 'u1',
      platform: 'gmail',
      access_token: 'abcd',
      refresh_token: 'r1',
      expires_at,
      scopes: ['email'],
    });
    expect(stored.status).toBe(200);

    const redis = new Redis(vault.place.redisUrl);
    const keys = await redis.keys(`${vault.place.keyPrefix}:*u1:gmail`);
    redis.disconnect();
    expect(keys).toHaveLength(1);
  });

  it('hands out abcd, its expiry in Unix seconds, and no refresh token', async () => {
    const { status, body } = await ask('sync', '/get_token', { user_id: 'u1', platform: 'gmail' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ access_token: 'abcd', token_type: 'Bearer', expires_at, scopes: ['email'] });
    expect(JSON.stringify(body)).not.toContain('r1');
  });

  it('lists Gmail as active and every other profile as missing', async () => {
    const { body } = await ask('local', '/get_status', { user_id: 'u1' });
    const platforms = body['connected_platforms'] as readonly {
      platform: string;
      platform_id: string;
      status: string;
    }[]; // asserted below
    expect(platforms.find(({ platform_id }) => platform_id === 'gmail')).toMatchObject({
      platform: 'Gmail',
      status: 'active',
    });
    expect(platforms.filter(({ platform_id }) => platform_id !== 'gmail').map(({ status }) => status)).toEqual(
      Array(15).fill('missing'),
    );
  });

  it('answers an expired token with expired_token and reauth, and lists it as expired', async () => {
    const past = Math.floor(Date.now() / 1_000) - 10;
    await ask('action', '/store_token', {
      user_id: 'u2',
      platform: 'notion',
      access_token: 'old',
      expires_at: past,
      scopes: [],
    });
    const { status, body } = await ask('sync', '/get_token', { user_id: 'u2', platform: 'notion' });
    expect([status, body['error_code'], body['suggested_action']]).toEqual([409, 'expired_token', 'reauth']);
    const listed = await ask('local', '/get_status', { user_id: 'u2' });
    expect(listed.body['connected_platforms']).toContainEqual(
      expect.objectContaining({ platform: 'Notion', status: 'expired' }),
    );
  });

  it('answers a user without a connection with not_connected and connect', async () => {
    const { status, body } = await ask('sync', '/get_token', { user_id: 'nobody', platform: 'gmail' });
    expect([status, body['error_code'], body['suggested_action']]).toEqual([404, 'not_connected', 'connect']);
  });

  it('answers a repetition under one idempotency key as the first, and another body under it as duplicate_request', async () => {
    const store = (access_token: string) =>
      ask(
        'action',
        '/store_token',
        { user_id: 'u3', platform: 'slack', access_token, scopes: [] },
        { 'idempotency-key': 'once' },
      );
    const first = await store('one');
    const second = await store('one');
    expect(second).toEqual(first);
    const other = await store('two');
    expect([other.status, other.body['error_code']]).toEqual([409, 'duplicate_request']);
  });

  it('refuses a wrong key with 401 within milliseconds, although nothing on Kafka answers it', async () => {
    const took: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      const began = performance.now();
      const { status, body } = await ask(
        'sync',
        '/get_token',
        { user_id: 'u1', platform: 'gmail' },
        { 'x-engine-key': vault.engines['action']?.key ?? '' },
      );
      took.push(performance.now() - began);
      expect([status, body['error_code'], body['suggested_action']]).toEqual([
        401,
        'unauthorized_engine',
        'check_engine_key',
      ]);
    }
    expect(Math.min(...took)).toBeLessThan(50);
  });

  it('revokes a connection, and forgets a user', async () => {
    expect((await ask('action', '/revoke_token', { user_id: 'u1', platform: 'gmail' })).status).toBe(200);
    expect((await ask('sync', '/get_token', { user_id: 'u1', platform: 'gmail' })).status).toBe(404);
    expect((await ask('action', '/forget_user', { user_id: 'u3' })).status).toBe(200);
    expect((await ask('sync', '/get_token', { user_id: 'u3', platform: 'slack' })).status).toBe(404);
  });
});
