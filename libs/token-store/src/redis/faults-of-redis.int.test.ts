import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { ciphertext } from '@vault-engine/crypto';
import type { TokenStore } from '@vault-engine/vault';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  connectUser,
  GMAIL,
  newChange,
  newDataKey,
  newRecord,
  newRemember,
  newUser,
  pendingOf,
  putOf,
} from '../contract/samples.ts';
import { openRedisStore, type RedisStoreOptions } from './open.ts';
import { type PrivateServer, startPrivateServer } from './start-private-server.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const startServer = async (settings?: readonly string[]): Promise<PrivateServer> => {
  const server = await startPrivateServer(settings);
  closers.push(server.close);
  return server;
};

const openStore = async (options: RedisStoreOptions): Promise<TokenStore> => {
  const store = await openRedisStore(options);
  closers.push(store.close);
  return store;
};

/** How a promise ends, and after how many milliseconds. */
const timed = async (work: Promise<unknown>) => {
  const start = performance.now();
  const result = await work.catch((error: unknown) => error);
  return { result, ms: performance.now() - start };
};

const UNAVAILABLE = { name: 'PortUnavailable', port: 'storage' };

test('no acknowledged change is lost when Redis is killed and started again under traffic', async () => {
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
        remember: newRemember(),
      });
      const applied = await store.apply(next).catch(() => null);
      if (applied === null) unavailable += 1;
      // What was not acknowledged may have happened: the row tells.
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

test('a restart shorter than the time limit is a delay and no error', async () => {
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
    store.probe(),
  ];
  for (const { result, ms } of await Promise.all(calls().map(timed))) {
    expect(result).toMatchObject(UNAVAILABLE);
    expect(ms).toBeLessThan(1_100);
  }
  // Also for those that come when the connection is known to be dead.
  for (const { result, ms } of await Promise.all(calls().map(timed))) {
    expect(result).toMatchObject(UNAVAILABLE);
    expect(ms).toBeLessThan(1_100);
  }
  server.signal('SIGCONT');
  await vi.waitFor(() => store.probe(), { timeout: 10_000 });
  // The change of above may have run once: with it, its transition.
  const revision = (await store.readConnection(user, GMAIL)).user?.revision;
  expect(await pendingOf(store, user)).toHaveLength(revision ?? 0);
});

test('a server that is not there is unavailable within the time limit, at opening too', async () => {
  const { result, ms } = await timed(openRedisStore({ url: 'redis://127.0.0.1:1', retryForMs: 300 }));
  expect(result).toMatchObject({ ...UNAVAILABLE, message: expect.stringContaining('Redis is unavailable') });
  expect(ms).toBeLessThan(600);
});

test('a wrong password is unavailable, told by its reason in the log, and stands itself in no error and no log line', async () => {
  const server = await startServer();
  await server.redis.config('SET', 'requirepass', 'right');
  const lines: unknown[] = [];
  const log = { info: (...line: unknown[]) => lines.push(line), warn: (...line: unknown[]) => lines.push(line) };
  const url = server.url.replace('//', '//:canary-password@');
  const { result } = await timed(openRedisStore({ url, log, retryForMs: 200 }));
  expect(result).toMatchObject(UNAVAILABLE);
  expect(lines).toEqual([['the token store has no connection', { reason: 'WRONGPASS' }]]);
  expect(inspect([result, lines], { depth: 10, showHidden: true })).not.toContain('canary-password');
});

test('a full memory is unavailable without repetitions; reading, revoking and forgetting go on', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 5_000 });
  const [user, other] = [newUser(), newUser()];
  await connectUser(store, user);
  await connectUser(store, other);
  await server.redis.config('SET', 'maxmemory', '1mb');
  const put = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), remember: newRemember() });
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

test('a master that has become a replica is waited for', async () => {
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

test('a server that is busy with a script of somebody else is waited for', async () => {
  const server = await startServer();
  const store = await openStore({ url: server.url, retryForMs: 10_000 });
  await server.redis.config('SET', 'busy-reply-threshold', '10');
  const other = server.redis.duplicate();
  await other.ping();
  server.redis.eval('while true do end', 0).catch(() => undefined);
  await vi.waitFor(() => expect(other.get('x')).rejects.toThrow('BUSY'));
  const probe = store.probe();
  await other.script('KILL');
  other.disconnect();
  await expect(probe).resolves.toBeUndefined();
});

test('connections that are cut under traffic cost no change and no answer', async () => {
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

describe('an answer that gets lost', () => {
  const openBehindProxy = async (options: Partial<RedisStoreOptions> = {}) => {
    const server = await startServer();
    const proxy = await startProxy(server.port);
    closers.push(proxy.close);
    const store = await openStore({ url: `redis://127.0.0.1:${proxy.port}`, ...options });
    return { server, store, loseAnswers: proxy.loseAnswers };
  };

  test.each([
    ['that is remembered', { remember: newRemember() }],
    ['that remembers nothing', {}],
  ])('of a change %s is answered `applied` by the repetition, which changes nothing', async (_, fields) => {
    const { store, loseAnswers } = await openBehindProxy();
    const user = newUser();
    await connectUser(store, user);
    // Scripts are loaded and the connection is warm: the next answer is that of the change.
    const change = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), ...fields });
    loseAnswers(1);
    const applied = await store.apply(change);
    const [, last] = await pendingOf(store, user);
    expect(applied).toEqual({ kind: 'applied', pending: last?.ref });
    expect(last?.transition.id).toBe(change.transition.id);
    expect((await store.readConnection(user, GMAIL)).user?.revision).toBe(2);
  });

  test('of the forgetting of a user is answered `applied` too', async () => {
    const { store, loseAnswers } = await openBehindProxy();
    const user = newUser();
    await connectUser(store, user);
    // That of the look at the user's platforms, and that of the script.
    loseAnswers(2);
    const forget = newChange(user, 2, { expectedRevision: 1, forget: true, remember: newRemember() });
    expect(await store.apply(forget)).toMatchObject({ kind: 'applied' });
    expect(await pendingOf(store, user)).toHaveLength(2);
  });

  test('for good leaves a change that its repetition finds, and an error without its arguments', async () => {
    const { server, store, loseAnswers } = await openBehindProxy({ retryForMs: 300 });
    const [user, remember] = [newUser(), newRemember()];
    const put = putOf(GMAIL, newRecord({ access: ciphertext(Buffer.from('canary-7f3a')) }));
    const change = newChange(user, 1, { dataKey: newDataKey(), put, remember });
    // The script is loaded, so that the answer that is lost is that of the change.
    await connectUser(store, newUser());
    loseAnswers(Number.POSITIVE_INFINITY);
    const { result } = await timed(store.apply(change));
    expect(result).toMatchObject(UNAVAILABLE);
    expect(inspect(result, { depth: 10, showHidden: true })).not.toMatch(new RegExp(`canary-7f3a|${user}`));
    const direct = await openStore({ url: server.url });
    expect(await direct.apply(change)).toMatchObject({ kind: 'remembered', remembered: { mac: remember.mac } });
    expect(await pendingOf(direct, user)).toHaveLength(1);
  });
});

/** Forwards bytes; can take a connection down in place of an answer. */
const startProxy = async (port: number) => {
  let losing = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connectTcp(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (answer) => {
      if (losing === 0) return client.write(answer);
      losing -= 1;
      return client.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    loseAnswers: (count: number) => {
      losing = count;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

describe('the settings of the server', () => {
  test.each([
    ['without an append-only file', ['--appendonly', 'no'], 'appendonly is no, and must be yes'],
    [
      'that evicts keys',
      ['--maxmemory-policy', 'allkeys-lru'],
      'maxmemory-policy is allkeys-lru, and must be noeviction',
    ],
  ])('a server %s is refused, and warned of where durability is not required', async (_, settings, finding) => {
    const server = await startServer(settings);
    const refusal = { name: 'StoreNotDurable', findings: [finding] };
    await expect(openRedisStore({ url: server.url })).rejects.toMatchObject(refusal);
    const warn = vi.fn();
    await openStore({ url: server.url, requireDurable: false, log: { info: () => undefined, warn } });
    expect(warn).toHaveBeenCalledWith('the token store may lose changes', { reason: finding });
  });

  test('a server that syncs once a second is warned of, and not refused', async () => {
    const server = await startServer(['--appendfsync', 'everysec']);
    const warn = vi.fn();
    await openStore({ url: server.url, log: { info: () => undefined, warn } });
    expect(warn.mock.calls).toEqual([
      ['the token store may lose changes', { reason: 'appendfsync is everysec: a crash loses the last changes' }],
    ]);
  });

  test('losing and regaining the connection is logged once each', async () => {
    const server = await startServer();
    const [info, warn] = [vi.fn(), vi.fn()];
    const store = await openStore({ url: server.url, retryForMs: 10_000, log: { info, warn } });
    await server.crash();
    await vi.waitFor(() =>
      expect(warn).toHaveBeenCalledWith('the token store has no connection', { reason: 'closed' }),
    );
    await server.restart();
    await store.probe();
    await vi.waitFor(() => expect(info.mock.calls).toEqual([['the token store is connected again']]));
    expect(warn).toHaveBeenCalledTimes(1);
  });
});

describe('with replicas to wait for', () => {
  const waitReplicas = { count: 1, withinMs: 100 };

  test('a change that a replica acknowledges is applied, and stands there', async () => {
    const master = await startServer(['--repl-diskless-sync-delay', '0']);
    const replica = await startServer(['--replicaof', '127.0.0.1', String(master.port)]);
    const store = await openStore({ url: master.url, waitReplicas, retryForMs: 20_000 });
    const user = newUser();
    await connectUser(store, user);
    expect(await replica.redis.keys(`*${user}:gmail`)).toHaveLength(1);
    const change = newChange(user, 2, { expectedRevision: 1, remember: newRemember() });
    expect(await store.apply(change)).toMatchObject({ kind: 'applied' });
  });

  test('a change that no replica acknowledges is unavailable', async () => {
    const master = await startServer();
    const store = await openStore({ url: master.url, waitReplicas, retryForMs: 500 });
    const change = newChange(newUser(), 1, { dataKey: newDataKey(), put: putOf(GMAIL) });
    await expect(store.apply(change)).rejects.toMatchObject(UNAVAILABLE);
  });
});
