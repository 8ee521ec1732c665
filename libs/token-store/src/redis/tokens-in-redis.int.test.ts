import { inspect } from 'node:util';
import { ciphertext } from '@vault-engine/crypto';
import type { TokenStore, UserId } from '@vault-engine/vault';
import { openWorld, type World } from '@vault-engine/world';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  asUser,
  connectUser,
  GMAIL,
  newChange,
  newDataKey,
  newDedupeRecord,
  newRecord,
  newUser,
  pendingOf,
  putOf,
  SLACK,
} from '../contract/samples.ts';
import { shardOf } from './keys.ts';
import { openRedisStore } from './open.ts';
import { READ_CONNECTIONS } from './scripts.ts';

let world: World;
let prefix: string;
let store: TokenStore;
let redis: Redis;

beforeAll(async () => {
  world = await openWorld();
  prefix = `${world.keyPrefix}vault`;
  store = await openRedisStore({ url: world.redisUrl, keyPrefix: prefix });
  redis = new Redis(world.redisUrl);
});

afterAll(async () => {
  await store.close();
  redis.disconnect();
  await world.close();
});

const recordKey = (user: UserId) => `${prefix}:{${shardOf(user)}}:t:${user}:gmail`;
const userKey = (user: UserId) => `${prefix}:{${shardOf(user)}}:u:${user}`;

test('user u1 on gmail is stored under a key that ends in `u1:gmail`', async () => {
  await connectUser(store, asUser('u1'));
  expect(await redis.keys(`${prefix}:*u1:gmail`)).toEqual([`${prefix}:{${shardOf(asUser('u1'))}}:t:u1:gmail`]);
});

test('a record is a hash with ciphertext in bytes and metadata in the clear', async () => {
  const [user, record] = [newUser(), newRecord({ refresh: null })];
  await store.apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, record) }));
  const fields = await redis.hgetallBuffer(recordKey(user));
  expect(fields['access']).toEqual(record.access);
  expect(JSON.parse(String(fields['metadata']))).toEqual(record.metadata);
  expect(String(fields['version'])).toBe('1700000000000000');
});

test('a put leaves unknown fields of the record unchanged, and a removal deletes them', async () => {
  const user = newUser();
  await connectUser(store, user);
  await redis.hset(recordKey(user), 'lease', 'owner');
  await store.apply(newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL) }));
  expect(await redis.hget(recordKey(user), 'lease')).toBe('owner');
  await store.apply(newChange(user, 3, { expectedRevision: 2, remove: [GMAIL] }));
  expect(await redis.exists(recordKey(user))).toBe(0);
});

test('a record of the first release, without condition, grant and lease, is good and unleased', async () => {
  const [user, record] = [newUser(), newRecord()];
  await store.apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, record) }));
  await redis.hdel(recordKey(user), 'condition', 'grant', 'told');
  const fields = ['version', 'token_version', 'stored_at', 'metadata', 'access', 'refresh'];
  expect((await redis.hkeys(recordKey(user))).sort()).toEqual(fields.sort());
  const grant = { since: record.storedAt, endsAt: null, refreshedAt: null, account: null };
  const old = { ...record, condition: { kind: 'good' }, grant, lastPublishedStatus: '', lease: null };
  expect((await store.readConnection(user, GMAIL)).record).toEqual(old);
  expect((await store.readUser(user, null, null)).connections.get(GMAIL)).toEqual(old);
  const claim = { user, platform: GMAIL, owner: 'o', tokenVersion: record.tokenVersion, ttlMs: 60_000 };
  expect(await store.claim(claim)).toEqual({ kind: 'claimed', before: null });
});

test('the fields of condition and lease are those in the README', async () => {
  const [user, condition] = [newUser(), { kind: 'dead', reason: 'grant_refused', since: 5 } as const];
  await store.apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, newRecord({ condition })) }));
  const of = { user, platform: GMAIL, tokenVersion: newRecord().tokenVersion };
  await store.claim({ ...of, owner: 'one', ttlMs: 1 });
  await vi.waitUntil(async () => (await store.claim({ ...of, owner: 'two', ttlMs: 60_000 })).kind === 'claimed');
  const fields = await redis.hgetall(recordKey(user));
  expect(JSON.parse(fields['condition'] ?? '')).toEqual(condition);
  expect(fields).toMatchObject({
    lease_owner: 'two',
    lease_until: expect.stringMatching(/^\d{13}$/),
    lease_phase: 'claimed',
    before_owner: 'one',
    before_until: expect.stringMatching(/^\d{13}$/),
    before_phase: 'claimed',
  });
  await store.release({ user, platform: GMAIL, owner: 'two' });
  const left = Object.keys(await redis.hgetall(recordKey(user))).filter((name) => /lease|before|released/.test(name));
  expect(left).toEqual(['released_by']);
});

test('the due index has a connection’s time, and no entry once the time is null or the connection is removed', async () => {
  const user = newUser();
  const [due, member, when] = [`${prefix}:{${shardOf(user)}}:due`, `${user}:gmail`, 1_763_834_400_123];
  await store.apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, newRecord(), when) }));
  expect(await redis.zscore(due, member)).toBe(String(when));
  await store.apply(newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL) }));
  expect(await redis.zscore(due, member)).toBeNull();
  await store.apply(newChange(user, 3, { expectedRevision: 2, put: putOf(GMAIL, newRecord(), when) }));
  await store.apply(newChange(user, 4, { expectedRevision: 3, remove: [GMAIL] }));
  expect(await redis.zscore(due, member)).toBeNull();
});

test('forgetting leaves no key and no due entry that names the user', async () => {
  const user = newUser();
  await store.apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, newRecord(), 1) }));
  await store.apply(newChange(user, 2, { expectedRevision: 1, put: putOf(SLACK, newRecord(), 2) }));
  await store.apply(newChange(user, 3, { expectedRevision: 2, forget: true }));
  expect(await redis.keys(`${prefix}:*${user}*`)).toEqual([]);
  const members = await redis.zrange(`${prefix}:{${shardOf(user)}}:due`, '0', '-1');
  expect(members.filter((member) => member.startsWith(user))).toEqual([]);
});

test('a dedupe record expires', async () => {
  const [user, dedupe] = [newUser(), newDedupeRecord()];
  await store.apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), dedupe }));
  const left = await redis.pttl(`${prefix}:{${shardOf(user)}}:d:${dedupe.id}`);
  expect(left).toBeGreaterThan(50_000);
  expect(left).toBeLessThanOrEqual(60_000);
});

test('users of one shard do not affect each other', async () => {
  const one = newUser();
  const other = await vi.waitUntil(
    () => {
      const candidate = newUser();
      return shardOf(candidate) === shardOf(one) && candidate;
    },
    { timeout: 20_000, interval: 0 },
  );
  await connectUser(store, one, [GMAIL, SLACK]);
  await connectUser(store, other, [GMAIL]);
  await store.apply(newChange(one, 3, { expectedRevision: 2, forget: true }));
  expect((await store.readUser(other, null, null)).connections.size).toBe(1);
  expect(await pendingOf(store, other)).toHaveLength(1);
});

test('scripts that the server has lost are loaded again while concurrent commands need them', async () => {
  const user = newUser();
  await connectUser(store, user);
  await redis.script('FLUSH');
  const reads = Array.from({ length: 20 }, () => store.readConnection(user, GMAIL));
  const write = store.apply(newChange(user, 2, { expectedRevision: 1 }));
  expect((await Promise.all(reads)).every(({ record }) => record !== null)).toBe(true);
  expect(await write).toMatchObject({ kind: 'applied' });
});

const CANARY = 'canary-7f3a';

test.each<[string, string, (user: UserId) => Promise<unknown>]>([
  ['a record without its version', 'record', (user) => redis.hdel(recordKey(user), 'version')],
  ['a record with a number that does not parse', 'record', (user) => redis.hset(recordKey(user), 'version', CANARY)],
  [
    'a record with a number beyond 2^52 - 1',
    'record',
    (user) => redis.hset(recordKey(user), 'version', String(2 ** 52)),
  ],
  ['a record with a number in scientific form', 'record', (user) => redis.hset(recordKey(user), 'version', '1.7e15')],
  ['metadata that is not JSON', 'record', (user) => redis.hset(recordKey(user), 'metadata', `{${CANARY}`)],
  [
    'metadata of another shape',
    'record',
    (user) => redis.hset(recordKey(user), 'metadata', `{"scopes":["${CANARY}"]}`),
  ],
  ['a condition that is not JSON', 'record', (user) => redis.hset(recordKey(user), 'condition', `{${CANARY}`)],
  [
    'a condition of another shape',
    'record',
    (user) => redis.hset(recordKey(user), 'condition', `{"kind":"${CANARY}","reason":"","since":1}`),
  ],
  ['a lease without its end time', 'record', (user) => redis.hset(recordKey(user), 'lease_owner', CANARY)],
  [
    'a lease in an unknown phase',
    'record',
    (user) => redis.hset(recordKey(user), { lease_owner: CANARY, lease_until: '1', lease_phase: CANARY }),
  ],
  ['a record with an empty access token', 'record', (user) => redis.hset(recordKey(user), 'access', '')],
  ['a user without a data key', 'user', (user) => redis.hdel(userKey(user), 'wrapped')],
  ['a kid of another length', 'user', (user) => redis.hset(userKey(user), 'kid', CANARY)],
  ['a record without its user', 'user', (user) => redis.del(userKey(user))],
])('%s is a broken invariant: the error names the kind of row and no value', async (_, kind, damage) => {
  const user = newUser();
  await connectUser(store, user);
  await damage(user);
  for (const read of [() => store.readConnection(user, GMAIL), () => store.readUser(user, GMAIL, null)]) {
    const error = await read().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'BrokenRow', kind });
    expect(inspect(error, { depth: 10 })).not.toMatch(new RegExp(`${CANARY}|${user}`));
  }
});

test('a listed connection without a record is a broken invariant', async () => {
  const user = newUser();
  await connectUser(store, user);
  await redis.del(recordKey(user));
  await expect(store.readUser(user, null, null)).rejects.toMatchObject({ name: 'BrokenRow', kind: 'record' });
});

test('a pending transition that does not parse is quarantined under its stream entry, with its fields', async () => {
  const [own, stream] = [`${prefix}:broken`, `${prefix}:broken:{07}:pending`];
  const broken = await openRedisStore({ url: world.redisUrl, keyPrefix: own });
  const id = await redis.xadd(stream, '*', 'user', CANARY);
  expect(await broken.pending(0, 10)).toEqual([]);
  expect(await redis.hkeys(`${own}:{07}:quarantine`)).toEqual([`pending.${id}`]);
  const entry = await broken.quarantine.find(`07.pending.${id}`);
  expect(entry?.content).toEqual(['user', CANARY].map((text) => Buffer.from(text)));
  expect(entry?.reason).not.toContain(CANARY);
  expect(await redis.xlen(stream)).toBe(0);
  await broken.close();
});

test('a quarantine entry that does not parse itself is listed and can be discarded', async () => {
  const own = `${prefix}:quarantine`;
  const broken = await openRedisStore({ url: world.redisUrl, keyPrefix: own });
  await redis.hset(`${own}:{07}:quarantine`, 'due.0123456789abcdef', '{');
  expect(await broken.quarantine.list(10)).toMatchObject([
    { id: '07.due.0123456789abcdef', kind: 'due', reason: 'the quarantine entry itself does not parse' },
  ]);
  expect(await broken.quarantine.discard('07.due.0123456789abcdef')).toBe(true);
  await broken.close();
});

test('no error carries an argument of its command', async () => {
  const user = newUser();
  await connectUser(store, user);
  await redis.del(recordKey(user));
  await redis.set(recordKey(user), 'of another type');
  const put = putOf(GMAIL, newRecord({ access: ciphertext(Buffer.from(CANARY)) }));
  const error = await store.apply(newChange(user, 2, { expectedRevision: 1, put })).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'CommandRefused', code: 'WRONGTYPE' });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(new RegExp(`${CANARY}|${user}`));
});

test('a closed store is unavailable at once', async () => {
  const closed = await openRedisStore({ url: world.redisUrl, keyPrefix: prefix });
  await closed.close();
  await expect(closed.probe()).rejects.toMatchObject({ name: 'PortUnavailable', port: 'storage' });
  await expect(closed.close()).resolves.toBeUndefined();
});

test('a key prefix with a hash tag is rejected', async () => {
  await expect(openRedisStore({ url: world.redisUrl, keyPrefix: 'a{b}' })).rejects.toThrow(RangeError);
});

test('an unchanged connection is not sent again', async () => {
  const user = newUser();
  await connectUser(store, user);
  const first = await store.readConnection(user, GMAIL);
  const mark = `${await redis.hget(userKey(user), 'transition')} ${await redis.hget(recordKey(user), 'version')}`;
  const answer = () => redis.evalsha_ro(READ_CONNECTIONS.sha, 2, userKey(user), recordKey(user), mark);
  expect(await answer()).toEqual([1]);
  expect((await store.readConnection(user, GMAIL)).record).toBe(first.record);
  await store.apply(newChange(user, 2, { expectedRevision: 1 }));
  expect(await answer()).toEqual([[expect.arrayContaining(['2']), expect.any(Array)]]);
  const changed = await store.readConnection(user, GMAIL);
  expect(changed.record).toEqual(first.record);
  expect(changed.record).not.toBe(first.record);
});

test('a record that is deleted by hand is gone, also for a store that has cached it', async () => {
  const user = newUser();
  await connectUser(store, user);
  expect((await store.readConnection(user, GMAIL)).record).not.toBeNull();
  await redis.del(recordKey(user));
  expect((await store.readConnection(user, GMAIL)).record).toBeNull();
});

test('a change by another process is seen by a store that has cached the connection', async () => {
  const user = newUser();
  const other = await openRedisStore({ url: world.redisUrl, keyPrefix: prefix });
  try {
    await connectUser(store, user);
    const before = await store.readConnection(user, GMAIL);
    await other.apply(newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL) }));
    const after = await store.readConnection(user, GMAIL);
    expect(after.user?.revision).toBe(2);
    expect(after.record?.access).not.toEqual(before.record?.access);
    await other.apply(newChange(user, 3, { expectedRevision: 2, forget: true }));
    expect(await store.readConnection(user, GMAIL)).toEqual({ user: null, record: null });
  } finally {
    await other.close();
  }
});
