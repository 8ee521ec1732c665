import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthorizationServer, openAuthorizationServer } from '@vault-engine/authorization-server';
import type { Records } from '@vault-engine/contracts';
import { type Asked, askPlainly } from './ask-plainly.ts';
import { openVault, type TestVault } from './open-vault.ts';

/**
 * An hour in less than one: tokens live for `lifetimeS` in the place of an hour, and everything that the profile and the
 * scheduler measure against that shrinks with it. What machines take does not, so it is harder than an hour.
 */
export interface SimulatedHour {
  readonly lifetimeS: number;
  /** How long is asked, in lifetimes. */
  readonly lifetimes: number;
  /** How much of its life a token has left when it falls due: a fifth with a profile that says nothing. */
  readonly marginPart: number;
  /** All are made at once, so that they fall due together. */
  readonly connections: number;
  readonly asksPerSecond: number;
}

/** What became of it. */
export interface HourFigures {
  readonly asked: number;
  readonly failed: number;
  readonly most_ms: number;
  /** Refreshes of the scheduler that succeeded. */
  readonly refreshes: number;
  /** Refreshes that began for somebody who asked for a token. */
  readonly begun_on_retrieval: number;
  /** Asked while the connection had no token that is handed out as it is, whoever was refreshing it. */
  readonly waited: number;
  /** The least part of its life that a token had left when it was replaced. */
  readonly least_left: number;
}

const PLATFORM = 'hourly';
const HOUR_S = 3_600;
/** Whoever asks for a token with less than this part of its life left, and less than a minute, has it renewed first. */
const AHEAD = { ms: 60_000, part: 1 / 20 };
const AT_ONCE = 32;

/** Opens a vault with a scheduler and a healthy provider, and asks for tokens. */
export const simulateHour = async (hour: SimulatedHour): Promise<HourFigures> => {
  const server = await openAuthorizationServer({ lifetimes: { access: hour.lifetimeS } });
  const scale = hour.lifetimeS / HOUR_S;
  const vault = await openVault({
    services: ['command-worker', 'refresh-scheduler'],
    // A sweep a second is of no matter in an hour: a minute of the hour is as coarse as it gets here.
    env: { VAULT_SCHEDULER_SWEEP_EVERY_MS: String(Math.min(1_000, Math.round(60_000 * scale))) },
    platforms: [{ id: PLATFORM, profile: scaledProfile(server, hour), client: server.client }],
  });
  try {
    const asked = await liveThrough(vault, server, hour);
    return await figuresOf(vault, asked);
  } finally {
    await vault.close();
    await server.close();
  }
};

/** The schema's own jitter and least interval, shrunk. */
const scaledProfile = ({ profile }: AuthorizationServer, { lifetimeS, marginPart }: SimulatedHour) => ({
  ...profile,
  identity: null,
  refresh: { min_interval_s: Math.ceil(lifetimeS / 60) },
  policy: { margin_s: lifetimeS, margin_max_fraction: marginPart, jitter_s: Math.round(lifetimeS / 60) },
});

const liveThrough = async (
  vault: TestVault,
  server: AuthorizationServer,
  { lifetimeS, lifetimes, connections, asksPerSecond }: SimulatedHour,
): Promise<readonly Asked[]> => {
  const client = await vault.client('action');
  const users = Array.from({ length: connections }, (_, at) => `hourly-${at}`);
  for (let first = 0; first < users.length; first += AT_ONCE)
    await Promise.all(
      users.slice(first, first + AT_ONCE).map(async (userId) => {
        const { access, refresh, expiresIn } = await server.consent(userId);
        const expiresAt = Date.now() + expiresIn * 1_000;
        const tokens = { accessToken: access, refreshToken: refresh, expiresAt, scopes: ['files'] };
        await client.storeToken({ userId, platform: PLATFORM, ...tokens });
      }),
    );
  const asked: Asked[] = [];
  const over = new AbortController();
  const traffic = { client, platform: PLATFORM, users, perSecond: asksPerSecond, random: Math.random };
  const asking = askPlainly(traffic, asked, over.signal);
  await sleep(lifetimeS * 1_000 * lifetimes);
  over.abort();
  await asking;
  await vault.running.stop();
  return asked;
};

const figuresOf = async (vault: TestVault, asked: readonly Asked[]): Promise<HourFigures> => {
  const audit = await vault.read(vault.topics.auditLog, 'AuditRecord');
  const refreshes = audit.filter(({ action }) => action === 'RefreshToken');
  const events = await vault.read(vault.topics.connectionEvents, 'ConnectionChanged');
  const lives = livesOf(events);
  return {
    asked: asked.length,
    failed: asked.filter(({ failed }) => failed !== null).length,
    most_ms: Math.max(...asked.map(({ tookMs }) => tookMs)),
    refreshes: refreshes.filter(({ engine, result }) => engine === 'refresh-scheduler' && result === 'ok').length,
    begun_on_retrieval: refreshes.filter(({ engine }) => engine !== 'refresh-scheduler').length,
    waited: asked.filter((one) => mustWait(one, lives.get(one.user) ?? [])).length,
    least_left: Math.min(...[...lives.values()].flat().map(leftOf)),
  };
};

/** One token of a connection; times are Unix milliseconds. */
interface Life {
  readonly from: number;
  readonly expiresAt: number;
  /** Infinite for the last. */
  readonly replacedAt: number;
}

const livesOf = (events: readonly Records['ConnectionChanged'][]): ReadonlyMap<string, readonly Life[]> =>
  new Map(
    [...Map.groupBy(events, ({ user_id }) => user_id)].map(([user, theirs]) => [
      user,
      theirs
        .toSorted((a, b) => a.revision - b.revision)
        .map(({ occurred_at, expires_at }, at, all) => ({
          from: occurred_at,
          expiresAt: expires_at ?? Number.POSITIVE_INFINITY,
          replacedAt: all[at + 1]?.occurred_at ?? Number.POSITIVE_INFINITY,
        })),
    ]),
  );

const leftOf = ({ from, expiresAt, replacedAt }: Life): number =>
  replacedAt === Number.POSITIVE_INFINITY ? 1 : (expiresAt - replacedAt) / (expiresAt - from);

const mustWait = ({ at, tookMs }: Asked, lives: readonly Life[]): boolean =>
  lives.some(({ from, expiresAt, replacedAt }) => {
    const thinFrom = expiresAt - Math.min(AHEAD.ms, (expiresAt - from) * AHEAD.part);
    return at + tookMs >= thinFrom && at < replacedAt;
  });
