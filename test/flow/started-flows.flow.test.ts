import { randomUUID } from 'node:crypto';
import { kafkaJournal } from '@vault-engine/audit';
import { createPublisher, type Publisher } from '@vault-engine/bus';
import { type ConnectionStateView, openConnectionStateView, type VaultClient } from '@vault-engine/client';
import type { ConnectionState } from '@vault-engine/contracts';
import { openRedisStore } from '@vault-engine/token-store';
import { abandonFlows, type TokenStore, userId as toUserId } from '@vault-engine/vault';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';
import { readStates } from './read-states.ts';

/** A reconciliation would mend what the events have to bring. */
const UNRECONCILED = { VAULT_PROJECTOR_RECONCILE_EVERY_MS: '86400000', VAULT_PROJECTOR_SESSION_MS: '6000' };
const SHOWN_WITHIN = { timeout: 15_000, interval: 50 };
/** A platform whose users have a second to connect. */
const HASTY = 'hasty-platform';
const HASTY_MS = 1_000;
const profile = { display_name: 'Hasty', token: { url: 'https://hasty.example.test/token' }, policy: { flow_s: 1 } };

let vault: TestVault;
let engine: VaultClient;
let view: ConnectionStateView;
let store: TokenStore;
let publisher: Publisher;

beforeAll(async () => {
  vault = await openVault({
    services: ['command-worker', 'gateway', 'status-projector'],
    env: UNRECONCILED,
    platforms: [{ id: HASTY, profile, client: null }],
  });
  engine = await vault.client('action');
  view = await openConnectionStateView({ ...vault.place });
  await view.ready;
  publisher = createPublisher(vault.bus);
  store = await openRedisStore({ url: vault.place.redisUrl, keyPrefix: vault.place.keyPrefix });
});
afterAll(async () => {
  await store?.close();
  await publisher?.close();
  await view?.close();
  await vault?.close();
});

const post = async (path: string, body: object): Promise<{ status: number; json: Record<string, unknown> }> => {
  const headers = {
    'content-type': 'application/json',
    'x-engine-id': 'action',
    'x-engine-key': vault.engines['action']?.key ?? '',
  };
  const response = await fetch(`${vault.gateway}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }; // an object, also in an error
};

/** As the scheduler does it once a user's flows have fallen due, at the moment that a test wants. */
const abandon = (userId: string): Promise<number> => {
  const { codec, topics } = vault;
  const journal = kafkaJournal({
    codec,
    auditTo: publisher,
    eventsTo: publisher,
    auditTopic: topics.auditLog,
    eventsTopic: topics.connectionEvents,
  });
  const user = toUserId(userId) ?? expect.fail('no user id');
  return abandonFlows({ store, journal, now: Date.now, uuid: randomUUID }, user);
};

const credentials = { accessToken: 'a', refreshToken: null, expiresAt: null, scopes: [] };

/** The last snapshot of a user, once it has the revision. */
const shown = (userId: string, revision: number): Promise<ConnectionState> =>
  vi.waitFor(async () => {
    const last = (await readStates(vault)).findLast(({ user }) => user === userId)?.state;
    expect(last?.revision).toBe(revision);
    return last ?? expect.fail('the topic has nothing of the user');
  }, SHOWN_WITHIN);

const eventsOf = async (userId: string) =>
  (await vault.read(vault.topics.connectionEvents, 'ConnectionChanged')).filter((event) => event.user_id === userId);

/** How a platform stands for a user: by GetStatus, by REST, and in the view. */
const standing = async (userId: string, platform: string): Promise<readonly string[]> => {
  const asked = await engine.getStatus({ userId });
  const { json } = await post('/get_status', { user_id: userId });
  const rest = (json['connected_platforms'] as { platform_id: string; suggested_action: string }[]).find(
    ({ platform_id: id }) => id === platform,
  ); // as the route's schema has it
  const inView = view.get(userId);
  expect(inView.revision).toBe(asked.revision);
  const of = ({ platforms }: Pick<typeof asked, 'platforms'>) => platforms.find(({ platform: id }) => id === platform);
  expect(of(inView)).toEqual(of(asked));
  return [of(asked)?.status ?? '', of(asked)?.suggestedAction ?? '', rest?.suggested_action ?? ''];
};

const inView = (userId: string, revision: number) =>
  vi.waitUntil(() => view.get(userId).revision === revision, SHOWN_WITHIN);

describe('a started flow', () => {
  test('shows as RESUME everywhere, of a user of whom nothing else is known, and ends where a token is stored', async () => {
    const [userId, platform] = ['finisher', 'notion'];
    const changes = view.changes();
    const before = Date.now();
    const { status, json } = await post('/start_connection', { user_id: userId, platform, flow_id: 'flow-1' });
    expect([status, json]).toEqual([
      200,
      { user_id: userId, platform, flow_id: 'flow-1', expires_at: expect.any(Number), revision: expect.any(Number) },
    ]);
    expect(json['expires_at']).toBeGreaterThanOrEqual(Math.floor(before / 1_000) + 900);
    const revision = Number(json['revision']);
    const state = await shown(userId, revision);
    expect(state).toMatchObject({ connections: [], flows: [{ flow_id: 'flow-1', platform }] });
    await inView(userId, revision);
    expect(await standing(userId, platform)).toEqual(['MISSING', 'RESUME', 'resume']);
    expect(await standing(userId, 'gmail')).toEqual(['MISSING', 'CONNECT', 'connect']);
    expect([...view.users({ actions: ['RESUME'] })].map((user) => user.userId)).toContain(userId);
    expect((await changes.next()).value).toMatchObject({ userId, revision });

    const stored = await engine.storeToken({ userId, platform, ...credentials, flowId: 'flow-1' });
    expect(await shown(userId, stored.revision)).toMatchObject({ connections: [{ platform }], flows: [] });
    await inView(userId, stored.revision);
    expect(await standing(userId, platform)).toEqual(['CONNECTED', 'NONE', 'none']);
    expect((await changes.next()).value).toMatchObject({ userId, revision: stored.revision });
    await changes.return?.();
    expect(
      (await eventsOf(userId)).map(({ change, status: after, suggested_action: action, engine: by }) => [
        change,
        after,
        action,
        by,
      ]),
    ).toEqual([
      ['FLOW_STARTED', 'MISSING', 'RESUME', 'action'],
      ['CONNECTED', 'CONNECTED', 'NONE', 'action'],
    ]);
    expect(await abandon(userId)).toBe(0);
  });

  test('turns to CONNECT by itself when its time is over, and is abandoned with one event', async () => {
    const [userId, platform] = ['leaver', HASTY];
    await engine.storeToken({ userId, platform: 'gmail', ...credentials });
    const before = Date.now();
    const started = await engine.startConnection({ userId, platform });
    expect(started.flowId).toMatch(/^[0-9a-f-]{36}$/);
    const [earliest, latest] = [before + HASTY_MS, Date.now() + HASTY_MS];
    expect(started.expiresAt.getTime()).toBeGreaterThanOrEqual(earliest);
    expect(started.expiresAt.getTime()).toBeLessThanOrEqual(latest);
    await inView(userId, started.revision);
    await vi.waitUntil(() => Date.now() > started.expiresAt.getTime(), SHOWN_WITHIN);
    expect(view.get(userId).revision).toBe(started.revision);
    expect(await standing(userId, platform)).toEqual(['MISSING', 'CONNECT', 'connect']);
    expect((await shown(userId, started.revision)).flows).toHaveLength(1);

    const user = toUserId(userId);
    expect((await store.takeDue(100_000, 60_000)).filter((due) => due.user === user)).toEqual([
      { user, platform: null, dueAt: started.expiresAt.getTime() },
    ]);
    expect((await Promise.all([abandon(userId), abandon(userId), abandon(userId)])).toSorted()).toEqual([0, 0, 1]);
    expect((await store.upcoming(100_000)).filter((due) => due.user === user)).toEqual([]);

    const abandoned = (await eventsOf(userId)).filter(({ change }) => change === 'FLOW_ABANDONED');
    expect(abandoned).toMatchObject([
      { platform, engine: null, status: 'MISSING', suggested_action: 'CONNECT', reason: null },
    ]);
    const revision = abandoned[0]?.revision ?? 0;
    expect(revision).toBeGreaterThan(started.revision);
    expect(await shown(userId, revision)).toMatchObject({ connections: [{ platform: 'gmail' }], flows: [] });
    await inView(userId, revision);
    expect(await standing(userId, platform)).toEqual(['MISSING', 'CONNECT', 'connect']);
    const audited = (await vault.read(vault.topics.auditLog, 'AuditRecord')).filter(({ user_id: id }) => id === userId);
    expect(audited.filter(({ action }) => action === 'AbandonFlow')).toMatchObject([
      { engine: 'refresh-scheduler', platform, result: 'ok', request_id: null, key_id: null },
    ]);
    expect(audited.filter(({ action }) => action === 'StartConnection')).toMatchObject([
      { engine: 'action', platform },
    ]);
  });

  test('takes the place of the one before it, and is the same flow where the command comes again', async () => {
    const [userId, platform] = ['repeater', 'slack'];
    const first = await engine.startConnection({ userId, platform, flowId: 'one' });
    const second = await engine.startConnection({ userId, platform }, { idempotencyKey: 'again' });
    expect(await engine.startConnection({ userId, platform }, { idempotencyKey: 'again' })).toEqual(second);
    await expect(
      engine.startConnection({ userId, platform, flowId: 'other' }, { idempotencyKey: 'again' }),
    ).rejects.toMatchObject({ code: 'duplicate_request' });
    expect(second.revision).toBeGreaterThan(first.revision);
    expect((await shown(userId, second.revision)).flows.map(({ flow_id: id }) => id)).toEqual([second.flowId]);
    expect((await eventsOf(userId)).map(({ change }) => change)).toEqual(['FLOW_STARTED', 'FLOW_STARTED']);
  });

  test('outlives the connection that is revoked, and not the user who is forgotten', async () => {
    const [userId, platform] = ['returner', 'slack'];
    await engine.storeToken({ userId, platform, ...credentials });
    const started = await engine.startConnection({ userId, platform });
    await inView(userId, started.revision);
    expect(await standing(userId, platform)).toEqual(['CONNECTED', 'NONE', 'none']);
    const revoked = await engine.revokeToken({ userId, platform });
    await inView(userId, revoked.revision);
    expect(await standing(userId, platform)).toEqual(['MISSING', 'RESUME', 'resume']);
    expect((await eventsOf(userId)).at(-1)).toMatchObject({ change: 'REVOKED', suggested_action: 'RESUME' });

    await engine.forgetUser({ userId });
    await inView(userId, 0);
    expect(await standing(userId, platform)).toEqual(['MISSING', 'CONNECT', 'connect']);
    expect((await store.upcoming(100_000)).filter(({ user }) => user === toUserId(userId))).toEqual([]);
  });
});

describe('a start is refused', () => {
  test('on a platform that there is not, and under a name that can be none', async () => {
    const refused = { code: 'invalid_request' };
    await expect(engine.startConnection({ userId: 'u', platform: 'nowhere' })).rejects.toMatchObject(refused);
    await expect(engine.startConnection({ userId: 'u', platform: 'slack', flowId: 'a b' })).rejects.toMatchObject(
      refused,
    );
    expect((await engine.getStatus({ userId: 'u' })).revision).toBe(0);
  });

  test('to an engine without the grant', async () => {
    const granted = { userId: 'u', platform: 'slack' };
    await expect((await vault.client('sync')).startConnection(granted)).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('the refresh-scheduler', () => {
  test('abandons what is over by itself, what was over before it began too', async () => {
    await engine.startConnection({ userId: 'early', platform: HASTY });
    const open = await engine.startConnection({ userId: 'late', platform: 'notion' });
    await vault.start('refresh-scheduler', 'refresh-scheduler');
    await engine.startConnection({ userId: 'late', platform: HASTY });
    for (const userId of ['early', 'late'])
      await vi.waitFor(
        async () =>
          expect((await eventsOf(userId)).at(-1)).toMatchObject({ change: 'FLOW_ABANDONED', platform: HASTY }),
        SHOWN_WITHIN,
      );
    const left = (await store.readUser(toUserId('late') ?? expect.fail('no user id'), null, null)).flows;
    expect(left.map(({ id }) => id)).toEqual([open.flowId]);
    const revision = (await eventsOf('early')).at(-1)?.revision ?? 0;
    expect((await shown('early', revision)).flows).toEqual([]);
  });
});
