import { setTimeout as sleep } from 'node:timers/promises';
import { plan, runVault } from '@vault-engine/development';
import { freePort, startPart } from '@vault-engine/local';
import { openRedisStore } from '@vault-engine/token-store';
import { type PlatformId, platformId, type TokenStore } from '@vault-engine/vault';
import { Redis } from 'ioredis';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { median } from './percentile.ts';
import { readHistogram } from './read-metric.ts';
import { dueUser, writeConnections } from './write-connections.ts';

/** How many connections are stored, and how many of them are due. */
export interface DueIndexPlan {
  /** Ascending: each is written on top of the one before. */
  readonly sizes: readonly number[];
  readonly due: readonly number[];
  /** How many sweeps with nothing due are looked at. */
  readonly idleSweeps: number;
}

/** What so many stored connections cost. */
export interface DueIndexFigures {
  readonly connections: number;
  /** Redis's memory for each connection with its user's row, over those of the size before. */
  readonly bytes_each: number;
  readonly due: readonly DueTimes[];
}

/** What it takes to find so many due connections. */
export interface DueTimes {
  readonly due: number;
  /** Taking them from the index. */
  readonly take_ms: number;
  /** A whole sweep of the scheduler, with the jobs that it makes of them. */
  readonly sweep_ms: number;
}

const PLATFORM = 'due-index';
const DAY_MS = 86_400_000;
const ROUNDS = 3;
/** As the scheduler has it where nothing is said. */
const BATCH = 500;
const POLL_MS = 100;

interface Parts {
  readonly store: TokenStore;
  readonly redis: Redis;
  readonly vault: TestVault;
  readonly platform: PlatformId;
  /** When everything falls due that is not made due. */
  readonly farOff: number;
}

/** Fills a Redis of its own, which syncs its log at each write while something is measured. */
export const measureDueIndex = async (
  { sizes, due, idleSweeps }: DueIndexPlan,
  say: (line: string) => void,
): Promise<readonly DueIndexFigures[]> =>
  withParts(async (parts) => {
    const figures: DueIndexFigures[] = [];
    let written = 0;
    for (const size of sizes) {
      say(`writing connections up to ${size.toLocaleString('en')}`);
      const bytes = await fill(parts, written, size - written);
      const take: number[] = [];
      for (const count of due) take.push(await timeToTake(parts, count));
      const sweeps = await timeSweeps(parts, due, idleSweeps);
      figures.push({
        connections: size,
        bytes_each: bytes / (size - written),
        due: due.map((count, at) => ({
          due: count,
          take_ms: take[at] ?? Number.NaN,
          sweep_ms: sweeps[at] ?? Number.NaN,
        })),
      });
      written = size;
    }
    return figures;
  });

const withParts = async <T>(work: (parts: Parts) => Promise<T>): Promise<T> => {
  const server = await startPart('redis', { settings: { 'auto-aof-rewrite-percentage': '0' } });
  const redis = new Redis(server.address);
  const profile = { display_name: 'Due index', token: { url: 'https://provider.example/token' } };
  const vault = await openVault({
    services: [],
    parts: { redisUrl: server.address },
    platforms: [{ id: PLATFORM, profile, client: null }],
  });
  const { keyPrefix } = vault.place;
  // Patient: an answer that is late is a figure here, and no failure.
  const retryPolicy = { attemptMs: 10_000, retryForMs: 30_000 };
  const store = await openRedisStore({ url: server.address, keyPrefix, requireDurable: false, ...retryPolicy });
  const platform = platformId(PLATFORM);
  if (platform === null) throw new Error('a platform of the bench is none');
  try {
    return await work({ store, redis, vault, platform, farOff: Date.now() + 30 * DAY_MS });
  } finally {
    await store.close();
    redis.disconnect();
    await vault.close();
    await server.stop();
  }
};

/** Answers how many bytes of Redis's memory they take. */
const fill = async ({ store, redis, platform, farOff }: Parts, first: number, count: number): Promise<number> => {
  await redis.config('SET', 'appendfsync', 'no');
  const before = await usedMemory(redis);
  await writeConnections({ store, platform, dueAt: farOff }, first, count);
  const bytes = (await usedMemory(redis)) - before;
  await redis.config('SET', 'appendfsync', 'always');
  return bytes;
};

const usedMemory = async (redis: Redis): Promise<number> =>
  Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);

/** The median of some rounds. What is taken comes back far off. */
const timeToTake = async (parts: Parts, count: number): Promise<number> => {
  const took: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await makeDue(parts, count, Date.now());
    const began = performance.now();
    let taken = 0;
    for (let last = BATCH; last > 0; taken += last) last = (await parts.store.takeDue(BATCH, DAY_MS)).length;
    took.push(performance.now() - began);
    if (taken !== count) throw new Error(`${taken} were due, not ${count}`);
  }
  await makeDue(parts, count, parts.farOff);
  return median(took);
};

const makeDue = async ({ store, platform }: Parts, count: number, dueAt: number): Promise<void> => {
  for (let first = 0; first < count; first += BATCH)
    await Promise.all(
      Array.from({ length: Math.min(BATCH, count - first) }, (_, at) =>
        store.postpone({ user: dueUser(first + at), platform, dueAt }),
      ),
    );
};

const QUEUE = { VAULT_SCHEDULER_MAY_WAIT: '100000' };

/** Sweeps of a scheduler that runs as ever, by its own metric. */
const timeSweeps = async (parts: Parts, due: readonly number[], idle: number): Promise<readonly number[]> => {
  const { place, logDir } = parts.vault;
  const scheduler = plan(place, 'refresh-scheduler', (await freePort()) - place.firstPort, QUEUE);
  const crashed = (what: string) => {
    throw new Error(what);
  };
  const running = await runVault({ place, plans: [scheduler], logDir, log: () => undefined, onCrash: crashed });
  try {
    const times: number[] = [];
    for (const count of due)
      times.push(
        count === 0 ? median(await nextSweeps(scheduler.operations, idle)) : await sweepOf(parts, scheduler, count),
      );
    return times;
  } finally {
    await running.stop();
  }
};

/** The longest of the sweeps around the moment at which they all fall due is the one that finds them. */
const sweepOf = async (parts: Parts, { operations }: { operations: string }, count: number): Promise<number> => {
  // Far enough off that all are marked before one of them is due.
  await makeDue(parts, count, Date.now() + 2_000 + count / 2);
  const [soonest] = await parts.store.upcoming(1);
  if (soonest === undefined || soonest.dueAt < Date.now()) throw new Error('what was made due is due too early');
  while (Date.now() < soonest.dueAt - 1_000) await sleep(POLL_MS);
  const times: number[] = [];
  // Nobody is registered with the platform: they are looked at, and fall due again in a day.
  while ((await parts.store.upcoming(1)).some(({ dueAt }) => dueAt < Date.now() + DAY_MS / 2))
    times.push(...(await nextSweeps(operations, 1)));
  return Math.max(...times);
};

/** The next so many sweeps, each by itself: they come a second apart. */
const nextSweeps = async (operations: string, count: number): Promise<readonly number[]> => {
  const times: number[] = [];
  let before = await sweepsOf(operations);
  while (times.length < count) {
    await sleep(POLL_MS);
    const now = await sweepsOf(operations);
    if (now.count > before.count) times.push(((now.sum - before.sum) * 1_000) / (now.count - before.count));
    before = now;
  }
  return times;
};

const sweepsOf = (operations: string) => readHistogram(operations, 'vault_refresh_sweep_seconds');
