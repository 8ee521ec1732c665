import { openWorld, type World } from '@vault-engine/world';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inMemory, inRedis } from './grant-storage.ts';
import { openAuthorizationServer } from './open-authorization-server.ts';

let world: World;
let redis: Redis;
beforeAll(async () => {
  world = await openWorld();
  redis = new Redis(world.redisUrl);
});
afterAll(async () => {
  redis.disconnect();
  await world.close();
});

describe.each([
  ['memory', () => inMemory()],
  ['Redis', () => inRedis(redis, `${world.keyPrefix}grants`)],
])('a storage in %s', (_where, open) => {
  it('returns written entries and no others', async () => {
    const storage = open();
    await storage.write('RefreshToken:a', { accountId: 'ada' }, 60, 'g1');
    await storage.write('Grant:g1', { accountId: 'ada' }, undefined, undefined);
    expect(await storage.read('RefreshToken:a')).toEqual({ accountId: 'ada' });
    expect(await storage.read('Grant:g1')).toEqual({ accountId: 'ada' });
    expect(await storage.read('RefreshToken:b')).toBeUndefined();
  });

  it('drops expired entries', async () => {
    const storage = open();
    await storage.write('AccessToken:short', { accountId: 'ada' }, 1, 'g2');
    await expect.poll(() => storage.read('AccessToken:short'), { timeout: 5_000 }).toBeUndefined();
    expect(await storage.spend('AccessToken:short')).toBe(false);
  });

  it('lets exactly one of many simultaneous callers spend a token', async () => {
    const storage = open();
    await storage.write('RefreshToken:once', { accountId: 'ada' }, 60, 'g3');
    const spent = await Promise.all(Array.from({ length: 20 }, () => storage.spend('RefreshToken:once')));
    expect(spent.filter(Boolean)).toHaveLength(1);
    expect(await storage.read('RefreshToken:once')).toEqual({ accountId: 'ada', consumed: expect.any(Number) });
  });

  it('removes the tokens of a grant, spent ones included, and no others', async () => {
    const storage = open();
    await storage.write('RefreshToken:c', { accountId: 'ada' }, 60, 'g4');
    await storage.write('AccessToken:d', { accountId: 'ada' }, 60, 'g4');
    await storage.write('AccessToken:e', { accountId: 'bob' }, 60, 'g5');
    await storage.spend('RefreshToken:c');
    await storage.removeGrant('g4');
    expect(await storage.read('RefreshToken:c')).toBeUndefined();
    expect(await storage.read('AccessToken:d')).toBeUndefined();
    expect(await storage.read('AccessToken:e')).toEqual({ accountId: 'bob' });
    await storage.remove('AccessToken:e');
    expect(await storage.read('AccessToken:e')).toBeUndefined();
  });
});

it('grants in Redis survive a restart of the server', async () => {
  const storage = inRedis(redis, `${world.keyPrefix}restart`);
  const before = await openAuthorizationServer({ storage });
  const { access, refresh } = await before.consent('ada');
  await before.close();
  const after = await openAuthorizationServer({ storage });
  expect(await after.accepts(access)).toBe(true);
  const { id, secret } = after.client;
  const form = { client_id: id, client_secret: secret, grant_type: 'refresh_token', refresh_token: refresh };
  const answer = await fetch(after.tokenUrl, { method: 'POST', body: new URLSearchParams(form) });
  expect(answer.status).toBe(200);
  await after.close();
});
