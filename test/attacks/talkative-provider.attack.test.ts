import { randomBytes } from 'node:crypto';
import { type MisbehavingProvider, misbehave, openMisbehavingProvider } from '@vault-engine/authorization-server';
import { readTopic } from '@vault-engine/bus';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { type Find, type Needle, needlesOf, searchBytes, searchFolder } from './search-bytes.ts';

const word = () => `cnry${randomBytes(12).toString('hex')}`;
const [oldRefresh, newRefresh, newAccess, other] = [word(), word(), word(), word()];

/** The tokens, and copies of them at every depth and under names that callers know. */
const tokens = { access_token: newAccess, refresh_token: newRefresh };
const copies = { ...tokens, raw: { ...tokens, other }, all: [tokens, [other]], text: JSON.stringify(tokens) };
const answer = {
  ...tokens,
  ...copies,
  params: copies,
  warning: newRefresh,
  account_id: other,
  error_description: other,
};

/** What a profile may ask for by mistake. */
const params = { instance_url: 'params.refresh_token', whole: 'params', everything: 'all' };

let provider: MisbehavingProvider;
let vault: TestVault;
/** Everything that a caller was told. */
const said: string[] = [];

beforeAll(async () => {
  provider = await openMisbehavingProvider();
  vault = await openVault({
    platforms: [
      {
        id: 'talkative',
        profile: {
          display_name: 'Talkative',
          token: { url: provider.tokenUrl },
          refresh: { min_interval_s: 1 },
          response: { params },
        },
        client: { id: 'vault', secret: 'client-secret-of-the-talkative-provider' },
      },
    ],
    env: { VAULT_LOG_LEVEL: 'debug' },
  });
});
afterAll(async () => {
  await vault.close();
  await provider.close();
});

describe('what a provider answers beside the tokens', () => {
  const place = { platform: 'talkative' };
  const expired = { accessToken: 'lapsed', refreshToken: oldRefresh, expiresAt: Date.now() - 1, scopes: [] };

  it('does not reach the caller of a renewed token', async () => {
    const action = await vault.client('action');
    provider.otherwise(misbehave.refresh(answer));
    await action.storeToken({ userId: 'u1', ...place, ...expired });
    const issued = await action.getToken({ userId: 'u1', ...place });
    expect(issued).toMatchObject({ accessToken: newAccess, params: {}, warning: null });
    said.push(
      JSON.stringify({ ...issued, accessToken: null }),
      JSON.stringify(await action.getStatus({ userId: 'u1' })),
    );
  });

  it('does not reach the caller of a token that was refused', async () => {
    const action = await vault.client('action');
    for (const [userId, status] of [
      ['u2', 400],
      ['u3', 500],
    ] as const) {
      provider.otherwise(misbehave.answer(status, { error: 'invalid_grant', error_description: other, ...copies }));
      await action.storeToken({ userId, ...place, ...expired });
      const refused: unknown = await action.getToken({ userId, ...place }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Error);
      said.push(JSON.stringify(refused), String(refused));
    }
  });

  it('is in no message, no record and no log', async () => {
    const needles = [oldRefresh, newRefresh, newAccess, other].flatMap((secret, index) =>
      needlesOf(`word ${index}`, Buffer.from(secret)),
    );
    const { replies, ...topics } = vault.topics;
    const named = [...Object.values(topics), ...[...Object.keys(vault.engines), 'gateway'].map(replies)];
    const finds = [
      ...said.flatMap((text) => searchBytes('answers', Buffer.from(text), needles)),
      ...(await Promise.all(named.map((topic) => inTopic(topic, needles)))).flat(),
      ...(await inRedis(needles)),
      ...(await searchFolder(vault.logDir, needles)),
    ];
    expect(finds).toEqual([]);
    expect(await inTopic(vault.topics.auditLog, needlesOf('platform', Buffer.from('talkative')))).not.toEqual([]);
    expect(provider.refreshTokens()).toContain(oldRefresh);
  });
});

const inTopic = async (topic: string, needles: readonly Needle[]): Promise<readonly Find[]> => {
  const finds: Find[] = [];
  for await (const { key, value, headers } of readTopic(vault.bus, topic))
    for (const field of [key, value, ...Object.values(headers)])
      if (field) finds.push(...searchBytes(`topic ${topic}`, field, needles));
  return finds;
};

/** Records and users are hashes, what is remembered is text. */
const inRedis = async (needles: readonly Needle[]): Promise<readonly Find[]> => {
  const { redisUrl, keyPrefix } = vault.place;
  const redis = new Redis(redisUrl);
  const values = { hash: (key: string) => redis.hgetallBuffer(key), string: (key: string) => redis.getBuffer(key) };
  const finds: Find[] = [];
  for (const type of ['hash', 'string'] as const) {
    let looked = 0;
    for await (const keys of redis.scanStream({ match: `${keyPrefix}*`, type }))
      for (const key of keys as readonly string[]) {
        looked += 1;
        const value = await values[type](key);
        const fields = Buffer.isBuffer(value) ? [value] : Object.values(value ?? {});
        finds.push(...fields.flatMap((field) => searchBytes(`redis ${key}`, field, needles)));
      }
    expect([type, looked > 0]).toEqual([type, true]);
  }
  redis.disconnect();
  return finds;
};
