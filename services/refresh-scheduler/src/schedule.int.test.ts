import { openRedisStore } from '@vault-engine/token-store';
import type { PlatformId, TokenStore, UserId } from '@vault-engine/vault';
import { openWorld, type World } from '@vault-engine/world';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { connectDue, GMAIL, SLACK } from './testing/due-samples.ts';
import { openScheduler, type ProcessDue, type TestScheduler } from './testing/open-scheduler.ts';

const HOUR_MS = 3_600_000;
const SOON = { timeout: 10_000, interval: 20 };

let world: World;
let store: TokenStore;
let redis: Redis;
beforeEach(async () => {
  world = await openWorld();
  store = await openRedisStore({ url: world.redisUrl, keyPrefix: `${world.keyPrefix}vault`, requireDurable: false });
  redis = new Redis(world.redisUrl);
});
afterEach(async () => {
  redis.disconnect();
  await store.close();
  await world.close();
});

type Options = Parameters<typeof openScheduler>[3];

const open = async (processDue: ProcessDue, options?: Options): Promise<TestScheduler> => {
  const scheduler = await openScheduler(world, store, processDue, options);
  onTestFinished(async () => {
    await scheduler.close();
    expect(scheduler.errors).toEqual([]);
  });
  return scheduler;
};

/** Replaces the refresher: the connection becomes due again much later. */
const processInto =
  (processed: UserId[]): ProcessDue =>
  async (user, platform) => {
    processed.push(user);
    await store.postpone({ user, platform, dueAt: Date.now() + HOUR_MS });
    return { kind: 'renewed' };
  };

const fallDue = (users: readonly UserId[], platform: PlatformId) =>
  Promise.all(users.map((user) => store.postpone({ user, platform, dueAt: Date.now() - 1 })));

const keysOfQueues = async (): Promise<readonly string[]> =>
  (await redis.keys(`${world.keyPrefix}*`)).filter((key) => key.includes('{refresh}'));

it('each due connection is processed once by one of two schedulers', async () => {
  const users = await connectDue(store, GMAIL, 400);
  const processed: UserId[] = [];
  const schedulers = [await open(processInto(processed)), await open(processInto(processed))];
  const sweepAll = () => Promise.all(schedulers.map((each) => each.sweep()));

  await sweepAll();
  await sweepAll();
  await vi.waitUntil(() => processed.length >= users.length, SOON);
  await sweepAll();
  expect(processed.toSorted()).toEqual(users.toSorted());

  await fallDue(users, GMAIL);
  await sweepAll();
  await vi.waitUntil(() => processed.length >= 2 * users.length, SOON);
  expect(processed.toSorted()).toEqual([...users, ...users].toSorted());
});

it('a connection that becomes due again while its job waits is processed once', async () => {
  const [user] = await connectDue(store, GMAIL, 1);
  if (user === undefined) throw new Error('nobody is connected');
  const gate = Promise.withResolvers<void>();
  const processed: UserId[] = [];
  const scheduler = await open(async (who, platform) => {
    await gate.promise;
    return processInto(processed)(who, platform);
  });
  await scheduler.sweep();
  await fallDue([user], GMAIL);
  await scheduler.sweep();
  gate.resolve();
  await vi.waitUntil(() => processed.length > 0, SOON);
  await vi.waitUntil(async () => (await scheduler.queues.waiting(GMAIL)) === 0, SOON);
  expect(processed).toEqual([user]);
});

it('deleted queues are filled again when their connections become due again', async () => {
  const users = await connectDue(store, GMAIL, 50);
  const processed = new Set<UserId>();
  const gate = Promise.withResolvers<void>();
  const againInMs = 1_000;
  const scheduler = await openScheduler(
    world,
    store,
    async (user, platform) => {
      if (processed.size === 0) await gate.promise;
      processed.add(user);
      await store.postpone({ user, platform, dueAt: Date.now() + HOUR_MS });
      return { kind: 'renewed' };
    },
    { concurrency: 2, againInMs },
  );
  onTestFinished(async () => {
    await scheduler.close();
  });
  await scheduler.sweep();
  await vi.waitUntil(async () => (await scheduler.queues.waiting(GMAIL)) === 48, SOON);
  await redis.unlink([...(await keysOfQueues())]);
  gate.resolve();
  await vi.waitUntil(async () => {
    await scheduler.sweep();
    return processed.size === users.length;
  }, SOON);
});

it('a queue pauses while its rate limit is used up, and then continues with its jobs', async () => {
  const users = await connectDue(store, GMAIL, 5);
  const restMs = 700;
  const processed: UserId[] = [];
  let [throttledAt, asked] = [0, 0];
  const scheduler = await open(
    async (user, platform) => {
      asked += 1;
      if (processed.length < 2) return processInto(processed)(user, platform);
      if (throttledAt === 0) {
        throttledAt = performance.now();
        return { kind: 'throttled', retryAfterMs: restMs };
      }
      if (performance.now() - throttledAt < restMs - 50) throw new Error('asked while the queue was to rest');
      return processInto(processed)(user, platform);
    },
    { concurrency: 1 },
  );
  await scheduler.sweep();
  await vi.waitUntil(() => processed.length === users.length, SOON);
  expect(performance.now() - throttledAt).toBeGreaterThan(restMs - 50);
  expect(asked).toBe(users.length + 1);
});

it("one platform's slow jobs do not delay another's", async () => {
  await connectDue(store, SLACK, 50);
  const quick = await connectDue(store, GMAIL, 20);
  const gate = Promise.withResolvers<void>();
  const processed: UserId[] = [];
  const scheduler = await open(
    async (user, platform) => {
      if (platform === SLACK) await gate.promise;
      return processInto(processed)(user, platform);
    },
    { concurrency: 2 },
  );
  await scheduler.sweep();
  await vi.waitUntil(() => processed.length === quick.length, SOON);
  expect(processed.toSorted()).toEqual(quick.toSorted());
  gate.resolve();
  await vi.waitUntil(() => processed.length === 70, SOON);
});

it('a full queue takes no further jobs, and all connections are processed in the end', async () => {
  const users = await connectDue(store, GMAIL, 60);
  const gate = Promise.withResolvers<void>();
  const processed: UserId[] = [];
  const scheduler = await open(
    async (user, platform) => {
      await gate.promise;
      return processInto(processed)(user, platform);
    },
    { concurrency: 1, mayWait: 10, againInMs: 1_000 },
  );
  const [first] = await scheduler.sweep();
  expect(first).toEqual({ queued: 10, putOff: 50 });
  gate.resolve();
  await vi.waitUntil(async () => {
    await scheduler.sweep();
    // On a slow machine a connection may become due again before it is processed, and is then processed twice.
    return new Set(processed).size === users.length;
  }, SOON);
});

it('jobs contain the name of a connection and nothing else, and leave nothing behind', async () => {
  await connectDue(store, GMAIL, 3);
  const gate = Promise.withResolvers<void>();
  const processed: UserId[] = [];
  const scheduler = await open(
    async (user, platform) => {
      await gate.promise;
      return processInto(processed)(user, platform);
    },
    { concurrency: 1 },
  );
  await scheduler.sweep();
  const jobs = (await keysOfQueues()).filter((key) => /:[0-9a-f]{64}$/.test(key));
  const data = await Promise.all(jobs.map((key) => redis.hget(key, 'data')));
  expect(data.map((text) => JSON.parse(text ?? 'null')).sort((a, b) => (a.user < b.user ? -1 : 1))).toEqual(
    [0, 1, 2].map((at) => ({ user: `gmail-user-${at}`, platform: 'gmail' })),
  );
  gate.resolve();
  await vi.waitUntil(() => processed.length === 3, SOON);
  await vi.waitUntil(async () => !(await keysOfQueues()).some((key) => /[0-9a-f]{64}/.test(key)), SOON);
});

it('a failed connection becomes due again, and its job is removed', async () => {
  const users = await connectDue(store, GMAIL, 1);
  const processed: UserId[] = [];
  let failures = 0;
  const scheduler = await openScheduler(
    world,
    store,
    async (user, platform) => {
      if (failures === 0) {
        failures += 1;
        throw new Error('it did not work');
      }
      return processInto(processed)(user, platform);
    },
    { againInMs: 1_000 },
  );
  onTestFinished(async () => {
    await scheduler.close();
  });
  await vi.waitUntil(async () => {
    await scheduler.sweep();
    // On a slow machine a connection may become due again before it is processed, and is then processed twice.
    return new Set(processed).size === users.length;
  }, SOON);
  expect(scheduler.errors).toHaveLength(1);
});

it('the jobs in progress of a dead scheduler are processed by another', async () => {
  const [user] = await connectDue(store, GMAIL, 1);
  const began = Promise.withResolvers<void>();
  const dying = await openScheduler(
    world,
    store,
    () => {
      began.resolve();
      return new Promise(() => undefined);
    },
    { lockMs: 600 },
  );
  await dying.sweep();
  await began.promise;
  expect(await dying.queues.close(0)).toBe(false);

  const processed: UserId[] = [];
  await open(processInto(processed), { lockMs: 600, platforms: [GMAIL] });
  await vi.waitUntil(() => processed.length > 0, SOON);
  expect(processed).toEqual([user]);
});

it('closing waits for jobs in progress up to its limit', async () => {
  await connectDue(store, GMAIL, 1);
  const gate = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const scheduler = await openScheduler(world, store, async () => {
    began.resolve();
    await gate.promise;
    return { kind: 'renewed' };
  });
  await scheduler.sweep();
  await began.promise;
  expect(await scheduler.queues.close(200)).toBe(false);
  gate.resolve();

  const idle = await openScheduler(world, store, async () => ({ kind: 'renewed' }));
  expect(await idle.close()).toBe(true);
});
