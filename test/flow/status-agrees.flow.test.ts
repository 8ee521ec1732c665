import {
  type ConnectionStateView,
  openConnectionStateView,
  type UserStatus,
  type VaultClient,
  VaultError,
} from '@vault-engine/client';
import type { ConnectionState } from '@vault-engine/contracts';
import { connectionStatusAt } from '@vault-engine/state';
import { absent, type Condition } from '@vault-engine/vault';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type SeededRandom, seededRandom } from '../faults/seeded-random.ts';
import { openVault, type TestVault } from './open-vault.ts';
import { readStates } from './read-states.ts';
import { type ConditionWriter, openConditionWriter, type Refreshed } from './set-condition.ts';

const HASTY = 'hasty-platform';
const PLATFORMS = ['gmail', 'notion', 'slack', HASTY] as const;
const USERS = Array.from({ length: 24 }, (_, index) => `user-${index}`);
const STEPS_PER_USER = 15;
const HOUR_MS = 3_600_000;
/** In these times and no later turns what the test has begun by itself. */
const SOON_MS = 2_000;

let vault: TestVault;
let action: VaultClient;
let conditions: ConditionWriter;
let view: ConnectionStateView;

beforeAll(async () => {
  const token = { url: 'https://hasty.example.test/token' };
  const profile = { display_name: 'Hasty', token, policy: { flow_s: SOON_MS / 1_000 } };
  vault = await openVault({
    services: 'all',
    // What a reconciliation mends would be missing here.
    env: { VAULT_PROJECTOR_RECONCILE_EVERY_MS: '86400000' },
    platforms: [{ id: HASTY, profile, client: null }],
  });
  action = await vault.client('action', 30_000);
  conditions = await openConditionWriter(vault);
  view = await openConnectionStateView({ ...vault.place });
  await view.ready;
});
afterAll(async () => {
  await view?.close();
  await conditions?.close();
  await vault?.close();
});

const ask = async (engine: string, path: string, body: object): Promise<Record<string, unknown>> => {
  const headers = {
    'content-type': 'application/json',
    'x-engine-id': engine,
    'x-engine-key': vault.engines[engine]?.key ?? '',
  };
  const response = await fetch(`${vault.gateway}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>; // the gateway answers objects
};

/** Whole seconds, as REST says them. */
const inMs = (ms: number): number => Math.floor((Date.now() + ms) / 1_000) * 1_000;
const anyTime = (random: SeededRandom): number | null => {
  const ms = random.pick([null, -HOUR_MS, SOON_MS, HOUR_MS, 100 * HOUR_MS]);
  return ms === null ? null : inMs(ms);
};

const since = 0;
const failing = { kind: 'failing', since, failures: 1, retryAt: Date.now() + HOUR_MS, unknownSince: null } as const;
const anyCondition = (random: SeededRandom): Condition =>
  random.pick<Condition>([
    { kind: 'none' },
    { kind: 'good' },
    { kind: 'good' },
    { ...failing, reason: 'provider_unavailable' },
    { ...failing, reason: 'provider_throttles' },
    { kind: 'dead', reason: 'grant_refused', since },
    { kind: 'dead', reason: 'outcome_unknown', since },
  ]);
const anyRefreshed = (random: SeededRandom): Refreshed => ({
  condition: anyCondition(random),
  expiresAt: anyTime(random),
  refreshExpiresAt: anyTime(random),
  endsAt: anyTime(random),
});

type Step = 'store' | 'rest' | 'refresh' | 'revoke' | 'start' | 'forget';
const STEPS: readonly [Step, ...Step[]] = [
  'store',
  'rest',
  'refresh',
  'refresh',
  'refresh',
  'revoke',
  'start',
  'start',
  'forget',
];

/** One more step of a user's history: by the client, over REST, or what only a refresh makes. */
const step = async (userId: string, random: SeededRandom): Promise<unknown> => {
  const platform = random.pick(PLATFORMS);
  const expiresAt = anyTime(random);
  const refreshToken = random.pick([null, 'r']);
  switch (random.pick(STEPS)) {
    case 'store':
      return action.storeToken({ userId, platform, accessToken: 'a', refreshToken, expiresAt, scopes: ['email'] });
    case 'rest': {
      const seconds = expiresAt === null ? null : expiresAt / 1_000;
      const body = { user_id: userId, platform, access_token: 'a', refresh_token: refreshToken, scopes: [] };
      return ask('action', '/store_token', { ...body, expires_at: seconds });
    }
    case 'refresh':
      return conditions.set(userId, platform, anyRefreshed(random));
    case 'revoke':
      return action.revokeToken({ userId, platform }).catch(unlessNotConnected);
    case 'start':
      return action.startConnection({ userId, platform });
    case 'forget':
      return random.int(3) === 0 ? action.forgetUser({ userId }) : null;
  }
};

/** How some histories end, so that whatever the seed is every standing is among them. */
const ENDS: readonly Omit<Refreshed, 'refreshExpiresAt'>[] = [
  { condition: { kind: 'good' }, expiresAt: inMs(HOUR_MS), endsAt: null },
  { condition: { kind: 'dead', reason: 'grant_refused', since }, expiresAt: inMs(HOUR_MS), endsAt: null },
  { condition: { ...failing, reason: 'provider_unavailable' }, expiresAt: inMs(-HOUR_MS), endsAt: null },
  { condition: { kind: 'dead', reason: 'grant_refused', since }, expiresAt: inMs(-HOUR_MS), endsAt: null },
];

const end = async (userId: string, index: number): Promise<void> => {
  const refreshed = ENDS[index];
  if (refreshed === undefined) return;
  await action.storeToken({ userId, platform: 'gmail', accessToken: 'a', scopes: ['email'] });
  expect(await conditions.set(userId, 'gmail', { ...refreshed, refreshExpiresAt: null })).toBe(true);
  await action.startConnection({ userId, platform: 'zoom' });
};

const unlessNotConnected = (error: unknown): null => {
  if (error instanceof VaultError && error.code === 'not_connected') return null;
  throw error;
};

/** One line for each platform, in the words that all four can say. */
type Lines = readonly string[];

const clientLines = ({ platforms }: Pick<UserStatus, 'platforms'>): Lines =>
  platforms.map(({ platform, displayName, status, suggestedAction, reason, expiresAt, lapsesAt, scopes }) =>
    JSON.stringify([platform, displayName, status, suggestedAction, reason, expiresAt, lapsesAt, scopes]),
  );

const CLIENT_STATUS: Readonly<Record<string, string>> = { active: 'CONNECTED', expired: 'EXPIRED', missing: 'MISSING' };

const restLines = ({ connected_platforms: platforms }: Record<string, unknown>): Lines =>
  (platforms as readonly Record<string, unknown>[]).map((each) => {
    const { platform_id: id, platform: name, status, suggested_action: act, reason, scopes } = each;
    const [expiresAt, lapsesAt] = [each['expires_at'], each['lapses_at']].map((seconds) =>
      typeof seconds === 'number' ? new Date(seconds * 1_000) : null,
    );
    const said = CLIENT_STATUS[String(status)];
    return JSON.stringify([id, name, said, String(act).toUpperCase(), reason, expiresAt, lapsesAt, scopes]);
  });

/** What anybody makes of the snapshot as it lies on the topic. What it does not list is missing, by the names of `said`. */
const topicLines = (snapshot: ConnectionState | null, said: UserStatus, now: number): Lines =>
  said.platforms.map(({ platform, displayName }) => {
    const connection = snapshot?.connections.find((each) => each.platform === platform);
    const flow = snapshot?.flows.find((each) => each.platform === platform);
    if (connection === undefined) {
      const stands = absent(flow === undefined ? null : { expiresAt: flow.expires_at }, now);
      return JSON.stringify([platform, displayName, stands.status, stands.action, stands.reason, null, null, []]);
    }
    const stands = connectionStatusAt(connection, now);
    const times = [connection.expires_at, connection.lapses_at].map((at) => (at === null ? null : new Date(at)));
    const { status, suggested_action: act, reason } = stands;
    return JSON.stringify([platform, displayName, status, act, reason, ...times, connection.scopes]);
  });

const lastSnapshots = async (): Promise<ReadonlyMap<string, ConnectionState | null>> =>
  new Map((await readStates(vault)).map(({ user, state }) => [user, state]));

/** Waits until topic and view show the revision of everybody, the store too being at rest. */
const caughtUp = () =>
  vi.waitFor(
    async () => {
      const said = await Promise.all(USERS.map((userId) => action.getStatus({ userId })));
      const snapshots = await lastSnapshots();
      const behind = said.filter(
        ({ userId, revision }) =>
          view.get(userId).revision !== revision || (snapshots.get(userId)?.revision ?? 0) !== revision,
      );
      expect(behind.map(({ userId }) => userId)).toEqual([]);
    },
    { timeout: 30_000, interval: 250 },
  );

it('POST /get_status, GetStatus, the topic and the view say the same of every user after any history', async () => {
  const random = seededRandom('the status agrees');
  await Promise.all(
    USERS.map(async (userId, index) => {
      const own = random.branch(index);
      for (let steps = 0; steps < STEPS_PER_USER; steps += 1) await step(userId, own);
      await end(userId, index);
    }),
  );
  // Behind the last time that turns, so that no turn comes between one question and the next.
  const turned = Date.now() + SOON_MS;
  await vi.waitUntil(() => Date.now() > turned, { timeout: 10_000 });
  await caughtUp();

  const snapshots = await lastSnapshots();
  const statuses = new Set<string>();
  for (const userId of USERS) {
    const said = await action.getStatus({ userId });
    const lines = clientLines(said);
    expect(clientLines(view.get(userId))).toEqual(lines);
    expect(topicLines(snapshots.get(userId) ?? null, said, Date.now())).toEqual(lines);
    expect(restLines(await ask('local', '/get_status', { user_id: userId }))).toEqual(lines);
    for (const { status, suggestedAction } of said.platforms) statuses.add(`${status} ${suggestedAction}`);
  }
  expect([...statuses].sort()).toEqual([
    'CONNECTED NONE',
    'CONNECTED REAUTH',
    'EXPIRED REAUTH',
    'EXPIRED RETRY',
    'MISSING CONNECT',
    'MISSING RESUME',
  ]);
}, 120_000);
