import { inspect } from 'node:util';
import type { TokenStore } from '@vault-engine/vault';
import { expect, test, vi } from 'vitest';
import {
  connectUser,
  GMAIL,
  newChange,
  newDataKey,
  newDedupeRecord,
  newRecord,
  newUser,
  pendingOf,
  putOf,
} from '../contract/samples.ts';
import { openRedisStore } from './open.ts';
import { openStore, startServer, timed, UNAVAILABLE } from './testing/open-for-test.ts';

test('no acknowledged change is lost when Redis is killed and restarted under traffic', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 300 });
  const acknowledged = new Map<ReturnType<typeof newUser>, number>();
  let running = true;
  let unavailable = 0;
  const write = async () => {
    const user = newUser();
    for (let revision = 0; running; ) {
      const next = newChange(user, revision + 1, {
        expectedRevision: revision === 0 ? null : revision,
        dataKey: revision === 0 ? newDataKey() : null,
        put: putOf(GMAIL, newRecord({ version: revision + 1 })),
        dedupe: newDedupeRecord(),
      });
      const applied = await store.apply(next).catch(() => null);
      if (applied === null) unavailable += 1;
      // A change without acknowledgement may be applied: the row tells.
      revision = applied?.kind === 'applied' ? revision + 1 : await revisionOf(store, user, revision);
      if (applied?.kind === 'applied') acknowledged.set(user, revision);
    }
  };
  const writers = Array.from({ length: 16 }, write);
  for (let crash = 0; crash < 3; crash += 1) {
    const before = acknowledged.size === 0 ? 0 : Math.max(...acknowledged.values());
    await vi.waitUntil(() => Math.max(0, ...acknowledged.values()) >= before + 20, { timeout: 20_000 });
    await server.crash();
    await vi.waitUntil(() => unavailable > crash * 16, { timeout: 20_000 });
    await server.restart();
  }
  running = false;
  await Promise.all(writers);
  for (const [user, revision] of acknowledged) {
    const { user: row, record } = await store.readConnection(user, GMAIL);
    expect(row?.revision).toBeGreaterThanOrEqual(revision);
    expect(record?.version).toBe(row?.revision);
    const pending = await pendingOf(store, user);
    expect(pending).toHaveLength(row?.revision ?? 0);
  }
});

const revisionOf = async (store: TokenStore, user: ReturnType<typeof newUser>, otherwise: number): Promise<number> => {
  const read = await store.readConnection(user, GMAIL).catch(() => null);
  return read === null ? otherwise : (read.user?.revision ?? 0);
};

test('a restart shorter than the time limit delays a call and does not fail it', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 10_000 });
  const user = newUser();
  await connectUser(store, user);
  await server.crash();
  const read = store.readConnection(user, GMAIL);
  await server.restart();
  expect((await read).record).not.toBeNull();
});

test('while Redis is stopped every call ends within its time limit, and afterwards the store serves again', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 900, attemptMs: 300 });
  const user = newUser();
  await connectUser(store, user);
  server.signal('SIGSTOP');
  const calls = () => [
    store.readConnection(user, GMAIL),
    store.readUser(user, null, null),
    store.apply(newChange(user, 2, { expectedRevision: 1 })),
    store.pending(0, 10),
    store.claim({ user, platform: GMAIL, owner: 'one', tokenVersion: newRecord().tokenVersion, ttlMs: 1 }),
    store.hold({ user, platform: GMAIL, owner: 'one', phase: 'called', ttlMs: 1 }),
    store.release({ user, platform: GMAIL, owner: 'one' }),
    store.probe(),
  ];
  for (const { result, ms } of await Promise.all(calls().map(timed))) {
    expect(result).toMatchObject(UNAVAILABLE);
    expect(ms).toBeLessThan(1_100);
  }
  // Also for calls that begin after the connection is known to be dead.
  for (const { result, ms } of await Promise.all(calls().map(timed))) {
    expect(result).toMatchObject(UNAVAILABLE);
    expect(ms).toBeLessThan(1_100);
  }
  server.signal('SIGCONT');
  await vi.waitFor(() => store.probe(), { timeout: 10_000 });
  // The change above may have been applied, once, together with its transition.
  const revision = (await store.readConnection(user, GMAIL)).user?.revision;
  expect(await pendingOf(store, user)).toHaveLength(revision ?? 0);
});

test('opening a store without a server is unavailable within the time limit', async () => {
  const { result, ms } = await timed(openRedisStore({ url: 'redis://127.0.0.1:1', retryForMs: 300 }));
  expect(result).toMatchObject({ ...UNAVAILABLE, message: expect.stringContaining('Redis is unavailable') });
  expect(ms).toBeLessThan(600);
});

test('a wrong password is unavailable, logged by its reason, and never part of an error or a log line', async () => {
  const server = await startServer();
  await server.redis.config('SET', 'requirepass', 'right');
  const lines: unknown[] = [];
  const log = { info: (...line: unknown[]) => lines.push(line), warn: (...line: unknown[]) => lines.push(line) };
  const url = server.url.replace('//', '//:canary-password@');
  const { result } = await timed(openRedisStore({ url, log, retryForMs: 200 }));
  expect(result).toMatchObject(UNAVAILABLE);
  expect(lines).toEqual([['token store connection lost', { reason: 'WRONGPASS' }]]);
  expect(inspect([result, lines], { depth: 10, showHidden: true })).not.toContain('canary-password');
});

test('while memory is full, leases are neither claimed nor moved to `called`, and are released', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 5_000 });
  const users = [newUser(), newUser()] as const;
  for (const user of users) await connectUser(store, user);
  const of = (user: (typeof users)[number]) => ({ user, platform: GMAIL, owner: 'one', ttlMs: 60_000 });
  const { tokenVersion } = newRecord();
  await store.claim({ ...of(users[0]), tokenVersion });
  await server.redis.config('SET', 'maxmemory', '1mb');
  const full = { ...UNAVAILABLE, message: 'Redis is unavailable: OOM' };
  await expect(store.claim({ ...of(users[1]), tokenVersion })).rejects.toMatchObject(full);
  await expect(store.hold({ ...of(users[0]), phase: 'called' })).rejects.toMatchObject(full);
  expect(await store.release(of(users[0]))).toBe(true);
  expect((await store.readConnection(users[0], GMAIL)).record?.lease).toBeNull();
});

test('while memory is full, puts are unavailable without retries; reading, revoking and forgetting work', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 5_000 });
  const [user, other] = [newUser(), newUser()];
  await connectUser(store, user);
  await connectUser(store, other);
  await server.redis.config('SET', 'maxmemory', '1mb');
  const put = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), dedupe: newDedupeRecord() });
  for (const { result, ms } of await Promise.all([timed(store.apply(put)), timed(store.probe())])) {
    expect(result).toMatchObject({ ...UNAVAILABLE, message: 'Redis is unavailable: OOM' });
    expect(ms).toBeLessThan(1_000);
  }
  expect((await store.readUser(user, null, null)).user?.revision).toBe(1);
  expect(await store.apply(newChange(user, 3, { expectedRevision: 1, remove: [GMAIL] }))).toMatchObject({
    kind: 'applied',
  });
  expect(await store.apply(newChange(other, 2, { expectedRevision: 1, forget: true }))).toMatchObject({
    kind: 'applied',
  });
  await server.redis.config('SET', 'maxmemory', '0');
  await expect(store.probe()).resolves.toBeUndefined();
});

test('a call waits for a master that has become a replica', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 10_000 });
  const user = newUser();
  await connectUser(store, user);
  await server.redis.replicaof('127.0.0.1', 1);
  const change = timed(store.apply(newChange(user, 2, { expectedRevision: 1 })));
  const hasty = await openStore({ url: server.url, retryForMs: 200 });
  expect((await timed(hasty.probe())).result).toMatchObject({ message: 'Redis is unavailable: READONLY' });
  await server.redis.replicaof('NO', 'ONE');
  expect((await change).result).toMatchObject({ kind: 'applied' });
});

test('a call waits for a server that is busy with a long script', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 10_000 });
  await server.redis.config('SET', 'busy-reply-threshold', '10');
  const other = server.redis.duplicate();
  await other.ping();
  server.redis.eval(BUSY_FOR_SECONDS, 0, 10).catch(() => undefined);
  await vi.waitFor(() => expect(other.get('x')).rejects.toThrow('BUSY'));
  const probe = store.probe();
  await other.script('KILL');
  other.disconnect();
  await expect(probe).resolves.toBeUndefined();
});

/** Lua that keeps the server busy for ARGV[1] seconds at most. */
const BUSY_FOR_SECONDS = `
local start = redis.call('TIME')[1]
repeat until redis.call('TIME')[1] - start > tonumber(ARGV[1])`;

test('connections that close under traffic lose no change and no reply', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 10_000 });
  const work = Array.from({ length: 200 }, async (_, at) => {
    const user = newUser();
    if (at % 50 === 25) await server.redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await connectUser(store, user);
    return (await store.readConnection(user, GMAIL)).record;
  });
  expect((await Promise.all(work)).filter((record) => record === null)).toEqual([]);
  expect(await store.pending(0, 1_000)).toHaveLength(200);
});
