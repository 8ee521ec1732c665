import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { applyTopics, createPublisher, type Publisher, watermarks } from '@vault-engine/bus';
import { type ConnectionStateView, openConnectionStateView, type VaultClient } from '@vault-engine/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';
import { readStates } from './read-states.ts';

const SHOWN_WITHIN = { timeout: 20_000, interval: 100 };
/** The broker's cleaner looks every 15 s (`log.cleaner.backoff.ms`). */
const COMPACTED_WITHIN = { timeout: 90_000, interval: 500 };
const USERS = Array.from({ length: 24 }, (_, index) => `user-${index}`);

let vault: TestVault;
let engine: VaultClient;
let publisher: Publisher;

beforeAll(async () => {
  vault = await openVault({
    services: ['command-worker', 'status-projector'],
    env: { VAULT_PROJECTOR_RECONCILE_EVERY_MS: '86400000', VAULT_PROJECTOR_SESSION_MS: '6000' },
  });
  engine = await vault.client('action', 60_000);
  publisher = createPublisher(vault.bus);
});
afterAll(async () => {
  await publisher?.close();
  await vault?.close();
});

const store = (userId: string, platform: string) =>
  engine.storeToken({ userId, platform, accessToken: 'a', scopes: [] });

/** What a reader who comes now sees. */
const freshView = async () => {
  const view = await openConnectionStateView({ ...vault.place });
  await view.ready;
  return view;
};

/** Users whom a fresh reader sees otherwise than the vault itself does. */
const wrongOf = async (users: readonly string[]): Promise<readonly string[]> => {
  const view = await freshView();
  try {
    return await wrongIn(view, users);
  } finally {
    await view.close();
  }
};

const wrongIn = async (view: ConnectionStateView, users: readonly string[]): Promise<readonly string[]> => {
  const asked = await Promise.all(users.map(async (userId) => ({ userId, said: await engine.getStatus({ userId }) })));
  return asked
    .filter(({ userId, said }) => JSON.stringify(view.get(userId).platforms) !== JSON.stringify(said.platforms))
    .map(({ userId }) => userId);
};

/** Closes every segment, and waits until each key but the ones that close them has one message left. */
const compact = async (): Promise<void> => {
  const { bus, topics } = vault;
  const ends = await watermarks(bus, topics.connectionState);
  const config = {
    'segment.ms': '500',
    'min.cleanable.dirty.ratio': '0.001',
    'max.compaction.lag.ms': '500',
    'min.compaction.lag.ms': '0',
  };
  const spec = { name: topics.connectionState, partitions: ends.length, config };
  await applyTopics(bus, [spec], { replicationFactor: 1 });
  const close = async (): Promise<void> => {
    const key = Buffer.from('closes a segment');
    for (const { partition } of ends)
      await publisher.send({ topic: topics.connectionState, partition, key, value: Buffer.from('-') });
  };
  await sleep(600);
  await close();
  await vi.waitFor(async () => {
    const states = (await readStates(vault)).filter(({ user }) => user.startsWith('user-'));
    const twice = states.length - new Set(states.map(({ user }) => user)).size;
    if (twice > 0) await close();
    expect(twice).toBe(0);
  }, COMPACTED_WITHIN);
};

test('a fresh reader of the compacted topic sees the newest of every user, although a stopped projector went on', async () => {
  const first = vault.running.services.get('status-projector') ?? expect.fail('the projector does not run');
  await Promise.all(USERS.map((userId) => store(userId, 'gmail')));
  await vi.waitFor(async () => expect(await wrongOf(USERS)).toEqual([]), SHOWN_WITHIN);
  const changing = Promise.all(USERS.map((userId) => store(userId, 'slack')));
  await sleep(5);
  process.kill(first.pid, 'SIGSTOP');
  await changing;
  await vault.start('status-projector-2', 'status-projector');
  await Promise.all(USERS.slice(0, 8).map((userId) => engine.revokeToken({ userId, platform: 'gmail' })));
  await Promise.all(USERS.slice(8, 12).map((userId) => engine.forgetUser({ userId })));
  await vi.waitFor(async () => expect(await wrongOf(USERS)).toEqual([]), SHOWN_WITHIN);

  // What the stopped one may have held back, and more.
  const older = new Map(
    (await readStates(vault))
      .filter(({ state }) => state !== null)
      .reverse()
      .map((seen) => [seen.user, seen]),
  );
  process.kill(first.pid, 'SIGCONT');
  for (const { user, state, revision } of older.values()) {
    const value = state === null ? null : vault.codec.encode('ConnectionState', state);
    const headers = { 'x-revision': Buffer.from(String(revision)) };
    await publisher.send({ topic: vault.topics.connectionState, key: Buffer.from(user), value, headers });
  }
  await vi.waitFor(async () => {
    const last = new Map((await readStates(vault)).map((seen) => [seen.user, seen.revision]));
    const held = USERS.filter((user) => last.get(user) === older.get(user)?.revision);
    expect(held).toEqual([]);
  }, SHOWN_WITHIN);
  await compact();
  expect(await wrongOf(USERS)).toEqual([]);
}, 180_000);

/** What a service counts, found by the address that its log names. */
const metricsOf = async ({ logFile }: { readonly logFile: string }): Promise<string> => {
  const address = /"address":"([^"]+)"/.exec(await readFile(logFile, 'utf8'))?.[1];
  return (await fetch(`${address}/metrics`)).text();
};

/** The keys of users in the store. */
const keysOf = async (redis: Redis, users: readonly string[]): Promise<readonly string[]> => {
  const keys = await redis.keys(`${vault.place.keyPrefix}:{*}:[ut]:*`);
  return keys.filter((key) => users.some((user) => key.endsWith(`:${user}`) || key.includes(`:${user}:`)));
};

/** Copies users, and answers how to put them back as they were. */
const copyOf = async (redis: Redis, users: readonly string[]): Promise<() => Promise<void>> => {
  const copied = await Promise.all(
    (await keysOf(redis, users)).map(async (key) => [key, await redis.dumpBuffer(key)] as const),
  );
  return async () => {
    await redis.del([...(await keysOf(redis, users))]);
    for (const [key, dump] of copied) await redis.restore(key, 0, dump ?? '');
  };
};

test('drift is found, mended and counted, and a store that went back is shown as it is, and then its next change', async () => {
  const redis = new Redis(vault.place.redisUrl);
  const follower = await freshView();
  try {
    const [restored, changedFirst, lost] = ['user-restored', 'user-changed-first', 'user-lost'];
    const users = [restored, changedFirst, lost];
    await Promise.all(users.map((user) => store(user, 'gmail')));
    const goBack = await copyOf(redis, [restored, changedFirst]);
    const revisions = await Promise.all(
      [restored, changedFirst].map(async (user) => (await store(user, 'slack')).revision),
    );
    await vi.waitFor(async () => expect(await wrongIn(follower, users)).toEqual([]), SHOWN_WITHIN);

    await goBack();
    await redis.del([...(await keysOf(redis, [lost]))]);
    expect([...(await wrongOf(users))].sort()).toEqual([changedFirst, lost, restored]);
    // Before anybody has noticed that the store went back.
    const first = await store(changedFirst, 'notion');
    expect(first.revision).toBeGreaterThan(Math.max(...revisions));
    await vi.waitFor(async () => expect(await wrongIn(follower, [changedFirst])).toEqual([]), SHOWN_WITHIN);
    const reconciling = { VAULT_PROJECTOR_RECONCILE_EVERY_MS: '1000', VAULT_PROJECTOR_RECONCILE_GRACE_MS: '200' };
    const { services } = await vault.start('status-projector-3', 'status-projector', reconciling);
    await vi.waitFor(async () => expect(await wrongIn(follower, users)).toEqual([]), SHOWN_WITHIN);
    const metrics = await metricsOf(services.get('status-projector-3') ?? expect.fail('it does not run'));
    expect(metrics).toMatch(/vault_state_drift_total\{kind="store_behind",.*\} 1/);
    expect(metrics).toMatch(/vault_state_drift_total\{kind="surplus",.*\} 1/);

    const next = await store(restored, 'notion');
    expect(next.revision).toBeGreaterThan(Math.max(...revisions));
    await vi.waitFor(async () => expect(await wrongIn(follower, users)).toEqual([]), SHOWN_WITHIN);
    await compact();
    expect(await wrongOf(users)).toEqual([]);
    expect(follower.get(restored).revision).toBe(next.revision);
  } finally {
    await follower.close();
    redis.disconnect();
  }
}, 180_000);
