import { setTimeout as sleep } from 'node:timers/promises';
import { applyTopics, createPublisher, type Publisher, watermarks } from '@vault-engine/bus';
import { openConnectionStateView, type VaultClient } from '@vault-engine/client';
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
    const asked = await Promise.all(
      users.map(async (userId) => ({ userId, said: await engine.getStatus({ userId }) })),
    );
    return asked
      .filter(({ userId, said }) => JSON.stringify(standing(view.get(userId))) !== JSON.stringify(standing(said)))
      .map(({ userId }) => userId);
  } finally {
    await view.close();
  }
};

const standing = ({ platforms }: { readonly platforms: readonly { platform: string; status: string }[] }) =>
  platforms.map(({ platform, status }) => [platform, status]);

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

test('drift is found, mended and counted, and a store that went back is shown as it is, and then its next change', async () => {
  const { redisUrl, keyPrefix } = vault.place;
  const redis = new Redis(redisUrl);
  const keysOf = async (user: string) =>
    (await redis.keys(`${keyPrefix}:{*}:[ut]:${user}*`)).filter(
      (key) => key.endsWith(user) || key.includes(`${user}:`),
    );
  try {
    const [restored, lost] = ['restored', 'lost'];
    await Promise.all([store(restored, 'gmail'), store(lost, 'gmail')]);
    const copy = await Promise.all(
      (await keysOf(restored)).map(async (key) => [key, await redis.dumpBuffer(key)] as const),
    );
    const { revision } = await store(restored, 'slack');
    await vi.waitFor(async () => expect(await wrongOf([restored, lost])).toEqual([]), SHOWN_WITHIN);

    await redis.del([...(await keysOf(restored)), ...(await keysOf(lost))]);
    for (const [key, dump] of copy) await redis.restore(key, 0, dump ?? '');
    expect([...(await wrongOf([restored, lost]))].sort()).toEqual([lost, restored]);
    const reconciling = { VAULT_PROJECTOR_RECONCILE_EVERY_MS: '1000', VAULT_PROJECTOR_RECONCILE_GRACE_MS: '200' };
    const { services } = await vault.start('status-projector-3', 'status-projector', reconciling);
    expect(services.size).toBe(1);
    await vi.waitFor(async () => expect(await wrongOf([restored, lost])).toEqual([]), SHOWN_WITHIN);
    const metrics = await (await fetch(`http://127.0.0.1:${vault.place.firstPort + 12}/metrics`)).text();
    expect(metrics).toMatch(/vault_state_drift_total\{kind="store_behind",.*\} 1/);
    expect(metrics).toMatch(/vault_state_drift_total\{kind="surplus",.*\} 1/);

    const next = await store(restored, 'notion');
    expect(next.revision).toBeGreaterThan(revision);
    await vi.waitFor(async () => expect(await wrongOf([restored])).toEqual([]), SHOWN_WITHIN);
    const view = await freshView();
    expect(view.get(restored).revision).toBe(next.revision);
    await view.close();
  } finally {
    redis.disconnect();
  }
}, 120_000);
