import { describe, expect, test, vi } from 'vitest';
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
import { openStore, startServer, UNAVAILABLE } from './testing/open-for-test.ts';

describe('the settings of the server', () => {
  test.each([
    ['without an append-only file', ['--appendonly', 'no'], 'appendonly is no; set it to yes'],
    [
      'that evicts keys',
      ['--maxmemory-policy', 'allkeys-lru'],
      'maxmemory-policy is allkeys-lru; set it to noeviction',
    ],
  ])('a server %s is rejected, or logged as a warning if durability is not required', async (_, settings, finding) => {
    const server = await startServer(settings);
    const refusal = { name: 'StoreNotDurable', findings: [finding] };
    await expect(openRedisStore({ url: server.url })).rejects.toMatchObject(refusal);
    const warn = vi.fn();
    await openStore({ url: server.url, requireDurable: false, log: { info: () => undefined, warn } });
    expect(warn).toHaveBeenCalledWith('token store settings risk losing changes', { reason: finding });
  });

  test('a server that syncs once a second is logged as a warning, not rejected', async () => {
    const server = await startServer(['--appendfsync', 'everysec']);
    const warn = vi.fn();
    await openStore({ url: server.url, log: { info: () => undefined, warn } });
    expect(warn.mock.calls).toEqual([
      [
        'token store settings risk losing changes',
        { reason: 'appendfsync is everysec: a crash loses the last changes; set it to always' },
      ],
    ]);
  });

  test('the loss and the recovery of the connection are logged once each', async () => {
    const server = await startServer();
    const [info, warn] = [vi.fn(), vi.fn()];
    const store = await openStore({ url: server.url, retryForMs: 10_000, log: { info, warn } });
    await server.crash();
    await vi.waitFor(() => expect(warn).toHaveBeenCalledWith('token store connection lost', { reason: 'closed' }));
    await server.restart();
    await store.probe();
    await vi.waitFor(() => expect(info.mock.calls).toEqual([['token store connection restored']]));
    expect(warn).toHaveBeenCalledTimes(1);
  });
});

describe('with waitReplicas', () => {
  const waitReplicas = { count: 1, withinMs: 100 };

  test('a change that a replica acknowledges is applied and on the replica', async () => {
    const master = await startServer(['--repl-diskless-sync-delay', '0']);
    const replica = await startServer(['--replicaof', '127.0.0.1', String(master.port)]);
    const store = await openStore({ url: master.url, waitReplicas, retryForMs: 20_000 });
    const user = newUser();
    await connectUser(store, user);
    expect(await replica.redis.keys(`*${user}:gmail`)).toHaveLength(1);
    const change = newChange(user, 2, { expectedRevision: 1, dedupe: newDedupeRecord() });
    expect(await store.apply(change)).toMatchObject({ kind: 'applied' });
  });

  test('a change that no replica acknowledges is unavailable', async () => {
    const master = await startServer();
    const store = await openStore({ url: master.url, waitReplicas, retryForMs: 500 });
    const change = newChange(newUser(), 1, { dataKey: newDataKey(), put: putOf(GMAIL) });
    await expect(store.apply(change)).rejects.toMatchObject(UNAVAILABLE);
  });

  test('a lease operation that no replica acknowledges is unavailable', async () => {
    const master = await startServer();
    const user = newUser();
    await connectUser(await openStore({ url: master.url }), user);
    const store = await openStore({ url: master.url, waitReplicas, retryForMs: 500 });
    const of = { user, platform: GMAIL, owner: 'one', ttlMs: 60_000 };
    const { tokenVersion } = newRecord();
    await expect(store.claim({ ...of, tokenVersion })).rejects.toMatchObject(UNAVAILABLE);
    await expect(store.hold({ ...of, phase: 'called' })).rejects.toMatchObject(UNAVAILABLE);
    await expect(store.release(of)).rejects.toMatchObject(UNAVAILABLE);
  });

  test('another process returns neither a dedupe record nor a pending transition that no replica has', async () => {
    const master = await startServer(['--repl-diskless-sync-delay', '0']);
    const replica = await startServer(['--replicaof', '127.0.0.1', String(master.port)]);
    const writer = await openStore({ url: master.url, waitReplicas, retryForMs: 500 });
    const reader = await openStore({ url: master.url, waitReplicas, retryForMs: 500 });
    const [user, dedupe] = [newUser(), newDedupeRecord()];
    await vi.waitFor(() => connectUser(writer, newUser()), { timeout: 10_000 });
    replica.signal('SIGSTOP');
    const change = newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), dedupe });
    await expect(writer.apply(change)).rejects.toMatchObject(UNAVAILABLE);
    expect((await reader.readUser(user, null, null)).user?.revision).toBe(1);
    await expect(reader.readUser(user, null, dedupe.id)).rejects.toMatchObject(UNAVAILABLE);
    await expect(reader.dedupe(user, dedupe)).rejects.toMatchObject(UNAVAILABLE);
    await expect(reader.pending(0, 10)).rejects.toMatchObject(UNAVAILABLE);
    replica.signal('SIGCONT');
    await vi.waitFor(async () => {
      expect((await reader.readUser(user, null, dedupe.id)).dedupeRecord).toMatchObject({ mac: dedupe.mac });
    });
    expect(await pendingOf(reader, user)).toHaveLength(1);
    // Waiting changed no key's expiry, neither a limited nor an unlimited one.
    const ttlOf = async (key: string) => Number(await replica.redis.pttl(String((await replica.redis.keys(key))[0])));
    expect(await ttlOf(`*:u:${user}`)).toBe(-1);
    expect(await ttlOf(`*:d:${dedupe.id}`)).toBeGreaterThan(0);
  });
});
