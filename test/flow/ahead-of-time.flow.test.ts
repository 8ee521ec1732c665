import { type AuthorizationServer, openAuthorizationServer } from '@vault-engine/authorization-server';
import { type ConnectionStateView, openConnectionStateView, type VaultClient } from '@vault-engine/client';
import type { RunningVault } from '@vault-engine/development';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';
import { readStates } from './read-states.ts';

/** What is published comes by events alone: a reconciliation would mend what they have to bring. */
const UNRECONCILED = { VAULT_PROJECTOR_RECONCILE_EVERY_MS: '86400000', VAULT_PROJECTOR_SESSION_MS: '6000' };
const SOON = { timeout: 15_000, interval: 50 };
const ACCESS_S = 6;
/** "Within seconds of its time": sweeps come every second. */
const TOLD_WITHIN_MS = 4_000;
const PLATFORM = 'short-lived';
const HASTY = 'hasty-platform';
const SECOND = 'refresh-scheduler-2';

let server: AuthorizationServer;
let vault: TestVault;
let engine: VaultClient;
let view: ConnectionStateView;
let second: RunningVault;

beforeAll(async () => {
  server = await openAuthorizationServer({ lifetimes: { access: ACCESS_S } });
  const { profile, client } = server;
  vault = await openVault({
    services: ['command-worker', 'status-projector', 'refresh-scheduler'],
    env: UNRECONCILED,
    platforms: [
      { id: PLATFORM, profile: { ...profile, refresh: { min_interval_s: 1 } }, client },
      { id: HASTY, profile: { ...profile, policy: { flow_s: 1 } }, client: null },
    ],
  });
  second = await vault.start(SECOND, 'refresh-scheduler');
  engine = await vault.client('action');
  view = await openConnectionStateView({ ...vault.place });
  await view.ready;
});
afterAll(async () => {
  await view?.close();
  await vault?.close();
  await server?.close();
});

const eventsOf = async (userId: string) =>
  (await vault.read(vault.topics.connectionEvents, 'ConnectionChanged')).filter((event) => event.user_id === userId);
const changesOf = async (userId: string) => (await eventsOf(userId)).map(({ change }) => change);

/** How the platform stands for the user by GetStatus, once topic and view say the same. */
const standing = async (userId: string, platform: string) => {
  const { revision, platforms } = await engine.getStatus({ userId });
  await vi.waitUntil(() => view.get(userId).revision === revision, SOON);
  const of = (all: typeof platforms) =>
    all.find(({ platform: id }) => id === platform) ?? expect.fail('no such platform');
  expect(of(view.get(userId).platforms)).toEqual(of(platforms));
  const { status, suggestedAction, reason } = of(platforms);
  const onTopic = (await readStates(vault)).findLast(({ user }) => user === userId)?.state?.connections;
  expect(onTopic?.find(({ platform: id }) => id === platform)).toMatchObject({ status, reason });
  return { status, suggestedAction, reason };
};

/** Connects a user to the OAuth server, with tokens that live for {@link ACCESS_S}. */
const connect = async (userId: string) => {
  const { access, refresh, expiresIn } = await server.consent(userId);
  const expiresAt = Date.now() + expiresIn * 1_000;
  const connection = { userId, platform: PLATFORM };
  await engine.storeToken({
    ...connection,
    accessToken: access,
    refreshToken: refresh,
    expiresAt: new Date(expiresAt),
    scopes: ['files'],
  });
  return { connection, access, expiresAt };
};

test('a token that will lapse is renewed before anyone asks', async () => {
  const userId = 'renewed';
  const { connection, access, expiresAt } = await connect(userId);
  await vi.waitUntil(async () => (await changesOf(userId)).includes('RENEWED'), SOON);
  expect((await eventsOf(userId)).find(({ change }) => change === 'RENEWED')?.occurred_at).toBeLessThan(expiresAt);
  expect(await standing(userId, PLATFORM)).toEqual({ status: 'CONNECTED', suggestedAction: 'NONE', reason: null });

  await vi.waitUntil(async () => (await changesOf(userId)).length > 2, SOON);
  const changes = await changesOf(userId);
  expect(changes).toEqual(['CONNECTED', ...changes.slice(1).map(() => 'RENEWED')]);
  expect(server.counts().refreshes.refused).toBe(0);
  const { accessToken } = await engine.getToken(connection);
  expect(accessToken).not.toBe(access);
  expect(await server.accepts(accessToken)).toBe(true);
  await engine.revokeToken(connection);
});

test('a connection that can not be renewed turns EXPIRED at its time, with one event', async () => {
  const expiresAt = Date.now() + 2_000;
  const store = (userId: string, at: number) =>
    engine.storeToken({
      userId,
      platform: 'gmail',
      accessToken: 'a',
      refreshToken: null,
      expiresAt: new Date(at),
      scopes: [],
    });
  await store('lapsing', expiresAt);
  await store('lapsing-later', expiresAt + 3_000);
  await vi.waitUntil(async () => (await changesOf('lapsing')).length > 1, SOON);
  const [, expired] = await eventsOf('lapsing');
  expect(expired).toMatchObject({ change: 'EXPIRED', status: 'EXPIRED', suggested_action: 'REAUTH' });
  expect(expired?.occurred_at).toBeGreaterThanOrEqual(expiresAt);
  expect(expired?.occurred_at).toBeLessThan(expiresAt + TOLD_WITHIN_MS);
  expect(await standing('lapsing', 'gmail')).toEqual({
    status: 'EXPIRED',
    suggestedAction: 'REAUTH',
    reason: 'access_token_expired',
  });
  // By then both schedulers have swept again, and have found nothing more to tell.
  await vi.waitUntil(async () => (await changesOf('lapsing-later')).length > 1, SOON);
  expect(await changesOf('lapsing')).toEqual(['CONNECTED', 'EXPIRED']);
});

test('a flow that nobody finishes is abandoned at its time, with one event', async () => {
  const userId = 'hesitating';
  const { expiresAt } = await engine.startConnection({ userId, platform: HASTY, flowId: 'flow-1' });
  await vi.waitUntil(async () => (await changesOf(userId)).length > 1, SOON);
  const [started, abandoned] = await eventsOf(userId);
  expect([started?.change, abandoned?.change]).toEqual(['FLOW_STARTED', 'FLOW_ABANDONED']);
  expect(abandoned?.occurred_at).toBeLessThan(expiresAt.getTime() + TOLD_WITHIN_MS);
});

test('what one of two schedulers was to do when it was killed, the other does', async () => {
  const users = Array.from({ length: 10 }, (_, at) => `orphaned-${at}`);
  const connected = await Promise.all(users.map(connect));
  await second.services.get(SECOND)?.kill('SIGKILL');
  const refreshed = async (userId: string) => (await changesOf(userId)).includes('RENEWED');
  await vi.waitUntil(async () => (await Promise.all(users.map(refreshed))).every(Boolean), {
    timeout: 45_000,
    interval: 500,
  });
  for (const { connection } of connected) {
    const { accessToken } = await engine.getToken(connection);
    expect(await server.accepts(accessToken)).toBe(true);
    await engine.revokeToken(connection);
  }
  expect(server.counts().refreshes.refused).toBe(0);
});
