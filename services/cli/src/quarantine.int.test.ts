import { applyTopics, connectBus, readTopic } from '@vault-engine/bus';
import { type AuditRecord, openCodec, topicNames, topicSpecs } from '@vault-engine/contracts';
import { applySchemas } from '@vault-engine/contracts/apply-schemas';
import { openRedisStore } from '@vault-engine/token-store';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliWorld, openCliWorld } from './testing/cli-world.ts';

let here: CliWorld;
let env: Record<string, string>;
let redis: Redis;

beforeAll(async () => {
  here = await openCliWorld();
  const { brokers, registryUrl, topicPrefix: prefix, redisUrl, keyPrefix } = here.world;
  env = { VAULT_REDIS_URL: redisUrl, VAULT_KEY_PREFIX: `${keyPrefix}vault` };
  redis = new Redis(redisUrl);
  const bus = connectBus({ brokers, clientId: 'test' });
  await applyTopics(bus, topicSpecs({ prefix, engines: [], environment: 'development' }), { replicationFactor: 1 });
  await applySchemas(registryUrl);
});

afterAll(async () => {
  redis.disconnect();
  await here.close();
});

const openStore = () => openRedisStore({ url: here.world.redisUrl, keyPrefix: `${here.world.keyPrefix}vault` });
const vault = (words: readonly string[]) => here.vault(['quarantine', ...words], { env });

/** Plants a member of the due index that names no connection, and lets the store move it. Answers its id. */
const plant = async (member: string): Promise<string> => {
  await redis.zadd(`${here.world.keyPrefix}vault:{07}:due`, 1_000, member);
  const store = await openStore();
  await store.takeDue(100, 60_000);
  const entry = (await store.quarantine.list(100)).find(({ dueMember }) => dueMember?.toString() === member);
  await store.close();
  return entry?.id ?? expect.fail('the member is not quarantined');
};

const audited = async (): Promise<readonly (readonly [string, string | null])[]> => {
  const { brokers, registryUrl, topicPrefix } = here.world;
  const codec = await openCodec({ registryUrl });
  const found: AuditRecord[] = [];
  const bus = connectBus({ brokers, clientId: 'test' });
  for await (const { value } of readTopic(bus, topicNames(topicPrefix).auditLog)) {
    const decoded = await codec.decode(value);
    if (decoded.ok && decoded.name === 'AuditRecord') found.push(decoded.value);
  }
  return found.map(({ action, reason }) => [action, reason] as const);
};

test('entries are listed with id, time and reason, and one is shown with its bytes in hex; showing is audited', async () => {
  const id = await plant('no member\u001b[2J');
  const listed = await vault(['list']);
  expect(listed).toMatchObject({ code: 0, out: [expect.stringMatching(new RegExp(`^${id} .* the member is not`))] });
  const shown = await vault(['show', id]);
  expect(shown.out.join('\n')).toContain(Buffer.from('no member\u001b[2J').toString('hex'));
  expect(shown.out.join('\n')).not.toContain('\u001b');
  expect(JSON.parse((await vault(['list', '--json'])).out.join(''))).toMatchObject([{ id, kind: 'due' }]);
  expect(await audited()).toContainEqual(['quarantine.show', id]);
});

test('an entry that is put back returns to its place; that is audited', async () => {
  const id = await plant('another member');
  expect(await vault(['retry', id])).toMatchObject({ code: 0, out: [`put back ${id}`] });
  expect(await redis.zscore(`${here.world.keyPrefix}vault:{07}:due`, 'another member')).toBe('1000');
  expect(await audited()).toContainEqual(['quarantine.retry', id]);
});

test('a discarded entry is gone; that is audited', async () => {
  const id = await plant('a third member');
  expect(await vault(['discard', id, '--yes'])).toMatchObject({ code: 0, out: [`discarded ${id}`] });
  expect((await vault(['list'])).out.join('\n')).not.toContain(id);
  expect(await audited()).toContainEqual(['quarantine.discard', id]);
});

test.each(['show', 'discard', 'retry'])('%s of an unknown id fails and is not audited', async (verb) => {
  const before = (await audited()).length;
  expect(await vault([verb, '00.due.0000000000000000'])).toMatchObject({
    code: 1,
    err: ['no quarantined entry has the id "00.due.0000000000000000"; quarantine list prints the ids'],
  });
  expect(await audited()).toHaveLength(before);
});
