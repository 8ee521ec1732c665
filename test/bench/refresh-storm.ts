import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultClient } from '@vault-engine/client';
import { type Asked, askPlainly } from '../flow/ask-plainly.ts';
import type { TestVault } from '../flow/open-vault.ts';
import { cpuOf } from './cpu-of.ts';
import type { ProviderProcess } from './open-provider.ts';
import { percentile } from './percentile.ts';
import { monotonicUs } from './profile-worker.ts';
import type { View } from './summarise-profile.ts';
import { PLATFORM, TOKEN } from './users.ts';

/** How many connections fall due together, while others ask for fresh tokens. */
export interface StormPlan {
  readonly connections: number;
  /** They fall due within this. */
  readonly withinMs: number;
  /** For how long plain `GetToken` is looked at ahead of it. */
  readonly calmMs: number;
  readonly asksPerSecond: number;
}

/** What plain `GetToken` took, ms. */
export interface PlainDelays {
  readonly count: number;
  readonly failed: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** What one storm came to. */
export interface StormFigures {
  readonly schedulers: number;
  readonly connections: number;
  /** From the first that falls due to the last that is renewed. */
  readonly seconds: number;
  readonly per_second: number;
  /** From falling due to being renewed. */
  readonly late_p50_s: number;
  readonly late_p99_s: number;
  readonly late_most_s: number;
  /** How long before its expiry each falls due. */
  readonly margin_s: number;
  readonly beyond_margin: number;
  /** Refreshes that the provider refused: a token used twice, or none. */
  readonly refused: number;
  /** CPU of all schedulers, and of the provider, for one refresh. */
  readonly scheduler_cpu_us: number;
  readonly provider_cpu_us: number;
  readonly calm: PlainDelays;
  readonly storm: PlainDelays;
}

/** Where it takes place. */
export interface StormPlace {
  readonly vault: TestVault;
  readonly client: VaultClient;
  readonly provider: ProviderProcess;
  /** The process ids of the schedulers. */
  readonly schedulers: readonly number[];
  /** Names the users of this storm: each has its own. */
  readonly name: string;
}

/** The platform whose connections are renewed. */
export const STORM_PLATFORM = 'storm';
/** As it comes out for a token that lives for an hour with a profile that says nothing: a fifth. */
const MARGIN_S = 720;

/** That platform: every connection falls due the margin ahead of its expiry, to the millisecond. */
export const stormPlatform = ({ profile, client }: Pick<ProviderProcess, 'profile' | 'client'>) => ({
  id: STORM_PLATFORM,
  profile: {
    ...profile,
    identity: null,
    // They are stored a moment before they fall due.
    refresh: { min_interval_s: 1 },
    policy: { margin_s: MARGIN_S, margin_max_fraction: 1, jitter_s: 0 },
  },
  client,
});

const OTHERS = 500;
const AT_ONCE = 64;
const CONSENTS_AT_ONCE = 1_000;
/** How long before the first falls due all have to be stored. */
const REST_MS = 3_000;
/** So many times as long as reckoned with at first may storing take. */
const SLACK = 1.5;
const LIVES_MS = 24 * 3_600_000;

/** Connects users so that they fall due together, waits for that, and looks at what happens. */
export const measureStorm = async (
  place: StormPlace,
  plan: StormPlan,
): Promise<StormFigures & { readonly window: View['window'] }> => {
  const others = await connectOthers(place);
  const dueFrom = Date.now() + plan.connections * others.msEach * SLACK + REST_MS + plan.calmMs;
  const due = await connectDue(place, plan, dueFrom);
  if (Date.now() + REST_MS + plan.calmMs > dueFrom)
    throw new Error('connecting took longer than was reckoned with: they fall due already');
  await sleep(dueFrom - plan.calmMs - Date.now());
  const asked: Asked[] = [];
  const over = new AbortController();
  const traffic = { client: place.client, platform: PLATFORM, users: others.users, perSecond: plan.asksPerSecond };
  const asking = askPlainly({ ...traffic, random: Math.random }, asked, over.signal);
  await sleep(dueFrom - Date.now());
  const before = await clocksOf(place);
  const from = monotonicUs();
  await untilRefreshed(place, before.refreshes + plan.connections);
  const window = { from, to: monotonicUs() };
  const after = await clocksOf(place);
  over.abort();
  await asking;
  const refreshedAt = await refreshes(place, due);
  return { ...figuresOf({ place, plan, dueFrom, due, refreshedAt, before, after, asked }), window };
};

/** Users with fresh tokens. Also tells how long storing one takes. */
const connectOthers = async ({ client, name }: StormPlace) => {
  const users = Array.from({ length: OTHERS }, (_, at) => `${name}-other-${at}`);
  const began = performance.now();
  const expiresAt = Date.now() + LIVES_MS;
  const tokens = { accessToken: TOKEN, refreshToken: null, expiresAt, scopes: ['files'] };
  await atOnce(users, (userId) => client.storeToken({ userId, platform: PLATFORM, ...tokens }));
  return { users, msEach: (performance.now() - began) / OTHERS };
};

/** Answers when each user's connection falls due, Unix milliseconds. */
const connectDue = async (
  { client, provider, name }: StormPlace,
  { connections, withinMs }: StormPlan,
  dueFrom: number,
): Promise<ReadonlyMap<string, number>> => {
  const users = Array.from({ length: connections }, (_, at) => `${name}-${at}`);
  const due = new Map(users.map((user) => [user, Math.floor(dueFrom + Math.random() * withinMs)]));
  for (let first = 0; first < connections; first += CONSENTS_AT_ONCE) {
    const some = users.slice(first, first + CONSENTS_AT_ONCE);
    const tokens = await provider.consents(some);
    await atOnce([...some.entries()], async ([at, userId]) => {
      const { access = '', refresh = '' } = tokens[at] ?? {};
      const expiresAt = (due.get(userId) ?? 0) + MARGIN_S * 1_000;
      const credentials = { accessToken: access, refreshToken: refresh, expiresAt, scopes: ['files'] };
      await client.storeToken({ userId, platform: STORM_PLATFORM, ...credentials });
    });
  }
  return due;
};

const atOnce = async <T>(all: readonly T[], work: (each: T) => Promise<unknown>): Promise<void> => {
  const left = all.values();
  const one = async () => {
    for (const each of left) await work(each);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
};

const clocksOf = async ({ provider, schedulers }: StormPlace) => {
  const { refreshed, refused } = await provider.refreshes();
  return {
    refreshes: refreshed,
    refused,
    schedulerUs: schedulers.reduce((sum, pid) => sum + cpuOf(pid), 0),
    providerUs: cpuOf(provider.pid),
  };
};

const LOOK_MS = 250;
/** With nothing renewed for so long it has failed. */
const STUCK_MS = 60_000;

const untilRefreshed = async ({ provider }: StormPlace, wanted: number): Promise<void> => {
  let [last, since] = [0, performance.now()];
  for (let refreshed = 0; refreshed < wanted; ) {
    await sleep(LOOK_MS);
    ({ refreshed } = await provider.refreshes());
    if (refreshed > last) [last, since] = [refreshed, performance.now()];
    if (performance.now() - since > STUCK_MS) throw new Error(`${wanted - refreshed} are not refreshed`);
  }
};

/** When each of them was renewed, from the topic; the last are written a moment after the provider has answered. */
const refreshes = async (
  { vault }: StormPlace,
  due: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> => {
  for (const giveUpAt = performance.now() + STUCK_MS; ; await sleep(LOOK_MS)) {
    const events = await vault.read(vault.topics.connectionEvents, 'ConnectionChanged');
    const renewed = new Map(
      events.flatMap(({ user_id, change, occurred_at }) =>
        change === 'RENEWED' && due.has(user_id) ? [[user_id, occurred_at] as const] : [],
      ),
    );
    if (renewed.size >= due.size) return renewed;
    if (performance.now() > giveUpAt) throw new Error(`${due.size - renewed.size} renewals are told to nobody`);
  }
};

interface StormOutcome {
  readonly place: StormPlace;
  readonly plan: StormPlan;
  readonly dueFrom: number;
  readonly due: ReadonlyMap<string, number>;
  readonly refreshedAt: ReadonlyMap<string, number>;
  readonly before: Awaited<ReturnType<typeof clocksOf>>;
  readonly after: Awaited<ReturnType<typeof clocksOf>>;
  readonly asked: readonly Asked[];
}

const figuresOf = ({ place, plan, dueFrom, due, refreshedAt, before, after, asked }: StormOutcome): StormFigures => {
  const late = [...due].map(([user, at]) => ((refreshedAt.get(user) ?? Number.NaN) - at) / 1_000).sort((a, b) => a - b);
  const end = Math.max(...refreshedAt.values());
  const seconds = (end - dueFrom) / 1_000;
  const { connections } = plan;
  return {
    schedulers: place.schedulers.length,
    connections,
    seconds,
    per_second: connections / seconds,
    late_p50_s: percentile(late, 0.5),
    late_p99_s: percentile(late, 0.99),
    late_most_s: percentile(late, 1),
    margin_s: MARGIN_S,
    beyond_margin: late.filter((each) => !(each < MARGIN_S)).length,
    refused: after.refused - before.refused,
    scheduler_cpu_us: (after.schedulerUs - before.schedulerUs) / connections,
    provider_cpu_us: (after.providerUs - before.providerUs) / connections,
    calm: delaysOf(asked.filter(({ at, tookMs }) => at + tookMs < dueFrom)),
    storm: delaysOf(asked.filter(({ at }) => at >= dueFrom && at < end)),
  };
};

const delaysOf = (asked: readonly Asked[]): PlainDelays => {
  const took = asked.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return {
    count: asked.length,
    failed: asked.filter(({ failed }) => failed !== null).length,
    p50_ms: percentile(took, 0.5),
    p99_ms: percentile(took, 0.99),
  };
};
