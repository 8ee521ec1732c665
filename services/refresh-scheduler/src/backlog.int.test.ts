import { openRedisStore } from '@vault-engine/token-store';
import type { TokenStore } from '@vault-engine/vault';
import { openWorld, type World } from '@vault-engine/world';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openBacklogMetrics } from './backlog.ts';
import { connectDue, GMAIL, SLACK } from './testing/due-samples.ts';
import { openScheduler, type TestScheduler } from './testing/open-scheduler.ts';

let world: World;
let store: TokenStore;
beforeAll(async () => {
  world = await openWorld();
  store = await openRedisStore({
    url: world.redisUrl,
    keyPrefix: `${world.keyPrefix}vault`,
    requireDurable: false,
  });
});
afterAll(async () => {
  await store.close();
  await world.close();
});

const LIFETIME_MS = 60_000;

/** A scheduler with its metrics; `scrape` returns the series of due work. */
const openMeasured = async (id: string, scheduler: TestScheduler, inFlight: number) => {
  const metrics = new Registry();
  let latest = await scheduler.queues.announce(inFlight, LIFETIME_MS);
  openBacklogMetrics(metrics, {
    announced: () => latest,
    dueStats: () => store.dueStats(),
    queues: () => scheduler.queues.backlog(),
  });
  return {
    announce: async () => {
      latest = await scheduler.queues.announce(inFlight, LIFETIME_MS);
    },
    scrape: async () => {
      const lines = (await metrics.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
    },
    id,
  };
};

it('one of two schedulers reports due work from the index to the queues, and leases by scheduler and in total', async () => {
  const released = Promise.withResolvers<void>();
  const options = { concurrency: 1, platforms: [GMAIL, SLACK] };
  const busy = async (_user: unknown, platform: unknown) => {
    if (platform === SLACK) return { kind: 'throttled', retryAfterMs: 60_000 } as const;
    await released.promise;
    return { kind: 'nothing' } as const;
  };
  const first = await openScheduler(world, store, busy, { ...options, id: 'first' });
  const second = await openScheduler(world, store, busy, { ...options, id: 'second' });
  try {
    const [reporter, other] = [await openMeasured('first', first, 2), await openMeasured('second', second, 3)];
    await reporter.announce();
    await connectDue(store, GMAIL, 5);
    await connectDue(store, SLACK, 4);
    expect(await reporter.scrape()).toEqual(
      new Map([
        ['vault_refresh_backlog{state="indexed"}', 9],
        ['vault_refresh_backlog{state="queued"}', 0],
        ['vault_refresh_backlog{state="throttled"}', 0],
        ['vault_refresh_oldest_due_seconds', expect.closeTo(1, 0)],
        ['vault_refresh_leases{scheduler="first"}', 2],
        ['vault_refresh_leases{scheduler="second"}', 3],
        ['vault_refresh_leases_all', 5],
      ]),
    );
    expect(await other.scrape()).toEqual(new Map());

    await first.sweep();
    // One job per scheduler and platform is taken: both of Gmail are in progress, those of Slack wait for the rate limit.
    await vi.waitFor(
      async () =>
        expect([...(await reporter.scrape())].slice(0, 3)).toEqual([
          ['vault_refresh_backlog{state="indexed"}', 0],
          ['vault_refresh_backlog{state="queued"}', 3],
          ['vault_refresh_backlog{state="throttled"}', 4],
        ]),
      { timeout: 10_000, interval: 600 },
    );
    released.resolve();
    await vi.waitFor(
      async () => expect((await reporter.scrape()).get('vault_refresh_backlog{state="queued"}')).toBe(0),
      { timeout: 10_000, interval: 600 },
    );

    await first.close();
    await other.announce();
    expect((await other.scrape()).get('vault_refresh_leases_all')).toBe(3);
  } finally {
    released.resolve();
    await first.close();
    await second.close();
  }
});

it('a scheduler without a valid announcement reports nothing, and an outage fails no scrape', async () => {
  const [none, down] = [new Registry(), new Registry()];
  const unavailable = () => Promise.reject(new Error('no reply'));
  openBacklogMetrics(none, { announced: () => null, dueStats: unavailable, queues: unavailable });
  openBacklogMetrics(down, {
    announced: () => ({ isReporter: true, inFlight: new Map() }),
    dueStats: unavailable,
    queues: unavailable,
  });
  for (const registry of [none, down]) expect(await registry.metrics()).not.toMatch(/^vault_/m);
});
