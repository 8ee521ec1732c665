import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPublisher, readTopic } from '@vault-engine/bus';
import { forgetUser, revokeToken, storeToken, type VaultClient } from '@vault-engine/client';
import { reveal } from '@vault-engine/crypto/plaintext';
import { gatewayPort, servicePlans } from '@vault-engine/development';
import { type RunningPart, startPart } from '@vault-engine/local';
import { parseCredential } from '@vault-engine/protocol';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { type Adversary, openAdversary } from './open-adversary.ts';
import { type Find, type Needle, needlesOf, searchBytes, searchFolder } from './search-bytes.ts';
import { keysOf } from './write-command.ts';

/** Stands in every token of this test, so that one search finds them all. */
const canary = `cnry${randomBytes(12).toString('hex')}`;
const planted = `plnt${randomBytes(12).toString('hex')}`;

describe('a canary token', () => {
  let kafka: RunningPart;
  let redis: RunningPart;
  let vault: TestVault;
  let adversary: Adversary;
  /** Everything that a service has said over HTTP, but for the answers that have to hold a token. */
  const said: string[] = [];

  beforeAll(async () => {
    [kafka, redis] = await Promise.all([
      // Sparse index files of 10 MB each would be most of the search.
      startPart('kafka', { settings: { 'log.index.size.max.bytes': '65536' } }),
      startPart('redis', { settings: { rdbcompression: 'no' } }),
    ]);
    const parts = { brokers: [kafka.address], redisUrl: redis.address };
    vault = await openVault({ parts, services: 'all', env: { VAULT_LOG_LEVEL: 'debug' } });
    adversary = await openAdversary(vault);
  });
  afterAll(async () => {
    await adversary?.close();
    await vault?.close();
    await Promise.all([kafka?.stop(), redis?.stop()]);
  });

  const tokens = (what: string) => ({
    accessToken: `${canary}-access-${what}`,
    refreshToken: `${canary}-refresh-${what}`,
    scopes: ['email'],
  });
  const store = (userId: string, more: object = {}) =>
    storeToken({ userId, platform: 'gmail', ...tokens(userId), ...more });
  const post = async (path: string, body: string, headers: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`${vault.gateway}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-engine-id': 'action',
        'x-engine-key': vault.engines['action']?.key ?? '',
        ...headers,
      },
      body,
    });
    const text = await response.text();
    return { status: response.status, text, headers: JSON.stringify([...response.headers]) };
  };
  const failed = async (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await post(path, typeof body === 'string' ? body : JSON.stringify(body), headers);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    said.push(answer.text, answer.headers);
    return answer.status;
  };

  it('goes every way that a token can go over Kafka', async () => {
    const action = await vault.client('action');
    const sync = await vault.client('sync');
    const { accessToken } = tokens('kept');
    await action.storeToken({ userId: 'kept', platform: 'gmail', ...tokens('kept') }, { idempotencyKey: 'kept' });
    expect((await sync.getToken({ userId: 'kept', platform: 'gmail' })).accessToken).toBe(accessToken);
    await sync.getStatus({ userId: 'kept' });
    await isRefused(action, 'duplicate_request', 'kept', { idempotencyKey: 'kept' }, tokens('other'));
    await isRefused(sync, 'forbidden', 'kept');
    await action.storeToken({ userId: 'lapsed', platform: 'gmail', ...tokens('lapsed'), expiresAt: Date.now() - 1 });
    await expect(sync.getToken({ userId: 'lapsed', platform: 'gmail' })).rejects.toMatchObject({
      code: 'expired_token',
    });
    await action.storeToken({ userId: 'gone', platform: 'gmail', ...tokens('gone') });
    await action.revokeToken({ userId: 'gone', platform: 'gmail' });
    await action.storeToken({ userId: 'forgotten', platform: 'gmail', ...tokens('forgotten') });
    await action.forgetUser({ userId: 'forgotten' });
  });

  const isRefused = (client: VaultClient, code: string, userId: string, how = {}, those = tokens(userId)) =>
    expect(client.storeToken({ userId, platform: 'gmail', ...those }, how)).rejects.toMatchObject({ code });

  it('goes every way that a refused, forged or broken command can go', async () => {
    const write = (userId: string, more: object = {}) =>
      adversary.write({ engine: 'action', operation: store(userId), ...more });
    const late = write('late', { sentMs: Date.now() - 120_000 });
    expect((await adversary.ask(late)).result).toBe('invalid_request');
    const elsewhere = write('elsewhere', { replyTopic: vault.topics.replies('sync') });
    expect((await adversary.ask(elsewhere)).result).toBe('invalid_request');
    const foreign = write('foreign', { key: 'another' });
    expect((await adversary.ask(foreign)).result).toBe('invalid_request');
    const unknown = adversary.write({ engine: 'action', operation: store('unknown', { platform: 'no-such' }) });
    expect((await adversary.ask(unknown)).result).toBe('invalid_request');
    const long = adversary.write({
      engine: 'action',
      operation: store('long', { accessToken: canary.padEnd(40_000, 'x') }),
    });
    expect((await adversary.ask(long)).result).toBe('invalid_request');
    const { value } = write('truncated').message;
    const truncated = write('truncated', { value: value.subarray(0, value.length - 9) });
    expect((await adversary.ask(truncated)).result).toBe('invalid_request');
    const forged = write('forged').message;
    await adversary.send({ ...forged, value: Buffer.concat([forged.value, Buffer.from('x')]) });
    await adversary.send({ ...forged, headers: {} });
    await adversary.settled('forged');
    for (const operation of [revokeToken({ userId: 'late', platform: 'gmail' }), forgetUser({ userId: 'late' })])
      await adversary.ask(adversary.write({ engine: 'action', operation }));
  });

  it('goes every way that a token can go over REST', async () => {
    const platform = 'gmail';
    const { accessToken: access_token, refreshToken: refresh_token, scopes } = tokens('rest');
    const body = { user_id: 'rest', platform, access_token, refresh_token, scopes };
    const stored = await post('/store_token', JSON.stringify(body), { 'idempotency-key': 'rest' });
    expect(stored.status).toBe(200);
    said.push(stored.text, stored.headers);
    expect((await post('/get_token', JSON.stringify({ user_id: 'rest', platform }))).text).toContain(access_token);

    const again = { ...body, access_token: `${canary}-rest-other` };
    expect(await failed('/store_token', again, { 'idempotency-key': 'rest' })).toBe(409);
    expect(await failed('/store_token', { ...body, platform: 'no-such' })).toBe(400);
    expect(await failed('/store_token', { ...body, access_token: [canary] })).toBe(400);
    expect(await failed('/store_token', { ...body, access_token: `${canary} ü` })).toBe(400);
    expect(await failed('/store_token', { ...body, expires_at: canary })).toBe(400);
    expect(await failed('/store_token', { ...body, scopes: { [canary]: canary } })).toBe(400);
    expect(await failed('/store_token', { ...body, [canary]: 1 })).toBe(400);
    expect(await failed('/store_token', { ...body, params: { [canary]: [canary] } })).toBe(400);
    expect(await failed('/store_token', { [`access_token=${canary}`]: '' })).toBe(400);
    expect(await failed('/store_token', JSON.stringify(body).slice(0, -5))).toBe(400);
    expect(await failed('/store_token', canary)).toBe(400);
    expect(await failed('/store_token', { ...body, access_token: canary.repeat(20_000) })).toBe(413);
    expect(await failed('/store_token', body, { 'content-type': 'text/plain' })).toBe(415);
    expect(await failed('/store_token', body, { 'x-engine-id': 'sync' })).toBe(401);
    expect(await failed('/store_token', body, { 'x-engine-key': `vek1.00000000.${canary}` })).toBe(401);
    expect(await failed('/store_token', body, { 'x-engine-id': canary })).toBe(401);
    expect(await failed('/store_token', body, { 'idempotency-key': `${canary}ü` })).toBe(400);
    expect(await failed(`/get_token?access_token=${canary}`, '')).toBe(400);
    expect(await failed(`/${canary}`, body)).toBe(404);
  });

  describe('is looked for', () => {
    /** All that lies on disk, with what compression would hide read back, and all that was said. */
    const search = async (needles: readonly Needle[], keysFile: string | null = null): Promise<readonly Find[]> => {
      const folders = [join(kafka.dataDir, 'logs'), redis.dataDir, vault.stateDir];
      const inFiles = await Promise.all(folders.map((folder) => searchFolder(folder, needles)));
      const inTopics = await Promise.all(allTopics(vault).map((topic) => searchTopic(vault, topic, needles)));
      const inRegistry = await searchRegistry(vault, needles);
      const inAnswers = said.flatMap((text, at) => searchBytes(`answer ${at}`, Buffer.from(text), needles));
      return [...inFiles, ...inTopics, inRegistry, inAnswers].flat().filter(({ where }) => where !== keysFile);
    };

    beforeAll(async () => {
      const operations = servicePlans(vault.place).map((plan) => plan.operations);
      const pages = operations.flatMap((base) => ['/metrics', '/healthz', '/readyz'].map((path) => base + path));
      const front = ['/healthz', '/readyz', '/openapi.json'].map(
        (path) => `http://127.0.0.1:${gatewayPort(vault.place)}${path}`,
      );
      for (const page of [...pages, ...front]) said.push(await (await fetch(page)).text());
      await vault.running.stop();
      await plant(vault);
      const client = new Redis(redis.address);
      await client.save();
      client.disconnect();
    });

    it('by a search that finds what was planted, in every form and every place', async () => {
      said.push(`<${planted}>`);
      const finds = await search(needlesOf('planted', Buffer.from(planted)));
      said.pop();
      const formsIn = (part: string) =>
        new Set(finds.filter(({ where }) => where.includes(part)).map(({ needle }) => needle.slice('planted '.length)));
      const every = new Set(needlesOf('', Buffer.from(planted)).map(({ name }) => name.trim()));
      expect(formsIn(join(kafka.dataDir, 'logs'))).toEqual(every);
      expect(formsIn('appendonlydir')).toEqual(every);
      expect(formsIn('dump.rdb')).toEqual(every);
      expect(formsIn(vault.logDir)).toEqual(every);
      expect(formsIn(`topic ${vault.topics.auditCheckpoints}`)).toEqual(every);
      expect(formsIn('answer ')).toEqual(new Set(['raw']));
    });

    it('and found nowhere', async () => {
      expect(await search(needlesOf('canary', Buffer.from(canary)))).toEqual([]);
    });

    it('as the engines’ secrets and keys are, which are found in the keys file alone', async () => {
      const keysFile = join(vault.stateDir, 'keys', 'engines.json');
      const credentials = Object.entries(vault.engines).flatMap(([engine, { key, kafka: onKafka }]) =>
        [key, onKafka.key].map((text) => ({ engine, text })),
      );
      expect(credentials).toHaveLength(6);
      const needles = credentials.flatMap(({ engine, text }) => needlesOfCredential(engine, text));
      expect(await search(needles, keysFile)).toEqual([]);
      const inFile = searchBytes(keysFile, await readFile(keysFile), needles);
      expect(new Set(inFile.map(({ needle }) => needle.split(' ')[0])).size).toBe(3);
    });

    it('as the key of the key file is, which is found there alone', async () => {
      const needles = needlesOf('local key', await readFile(vault.place.keyFile));
      expect(await search(needles, vault.place.keyFile)).toEqual([]);
    });
  });
});

const allTopics = ({ topics, engines }: TestVault): readonly string[] => {
  const { replies, ...single } = topics;
  return [...Object.values(single), ...[...Object.keys(engines), 'gateway'].map(replies)];
};

const searchTopic = async (vault: TestVault, topic: string, needles: readonly Needle[]): Promise<readonly Find[]> => {
  const finds: Find[] = [];
  for await (const { key, value, headers } of readTopic(vault.bus, topic)) {
    const fields = [key, value, ...Object.entries(headers).flatMap(([name, field]) => [Buffer.from(name), field])];
    for (const field of fields) if (field) finds.push(...searchBytes(`topic ${topic}`, field, needles));
  }
  return finds;
};

/** Subjects and schemas: all that the registry was ever sent. */
const searchRegistry = async ({ place }: TestVault, needles: readonly Needle[]): Promise<readonly Find[]> => {
  const read = async (path: string) => (await fetch(`${place.registryUrl}${path}`)).text();
  const subjects: readonly string[] = JSON.parse(await read('/subjects'));
  const texts = await Promise.all(subjects.map((subject) => read(`/subjects/${subject}/versions/latest`)));
  return [...subjects, ...texts].flatMap((text) => searchBytes('registry', Buffer.from(text), needles));
};

const needlesOfCredential = (engine: string, text: string): readonly Needle[] => {
  const credential = parseCredential(text);
  if (!credential.ok) throw new Error(`${engine} has no credential`);
  const { auth, c2v, v2c } = keysOf(engine, text);
  return [reveal(credential.value.secret), ...[auth, c2v, v2c].map((key) => key.export())].flatMap((secret) =>
    needlesOf(engine, secret),
  );
};

/** Puts the planted word, in every form, wherever a token could end up. */
const plant = async (vault: TestVault): Promise<void> => {
  const { bus, place, topics, logDir } = vault;
  const forms = needlesOf('', Buffer.from(planted)).map(({ bytes }) => bytes);
  const publisher = createPublisher(bus);
  const redis = new Redis(place.redisUrl);
  // One topic lies on disk as it was sent, the other one compressed.
  for (const topic of [topics.connectionEvents, topics.auditCheckpoints])
    for (const value of forms) await publisher.send({ topic, key: Buffer.from('planted'), value });
  await redis.rpush(`${place.keyPrefix}:planted`, ...forms);
  await writeFile(join(logDir, 'planted.log'), Buffer.concat(forms.flatMap((form) => [form, Buffer.from('\n')])));
  await publisher.close();
  redis.disconnect();
};
