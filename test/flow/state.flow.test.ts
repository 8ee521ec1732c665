import { createPublisher, type Publisher } from '@vault-engine/bus';
import { type ConnectionStateView, openConnectionStateView, type VaultClient } from '@vault-engine/client';
import type { ConnectionState } from '@vault-engine/contracts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';
import { readStates, type StateSeen } from './read-states.ts';
import { runVaultCli } from './run-vault-cli.ts';

/** A reconciliation would mend what others have to. */
const UNRECONCILED = { VAULT_PROJECTOR_RECONCILE_EVERY_MS: '86400000', VAULT_PROJECTOR_SESSION_MS: '6000' };
const SHOWN_WITHIN = { timeout: 15_000, interval: 50 };

let vault: TestVault;
let engine: VaultClient;
let publisher: Publisher;
let view: ConnectionStateView;
const cli = (...words: readonly string[]) => runVaultCli(vault, words);

beforeAll(async () => {
  vault = await openVault({
    services: ['command-worker', 'status-projector'],
    env: UNRECONCILED,
  });
  engine = await vault.client('action');
  publisher = createPublisher(vault.bus);
  view = await openConnectionStateView({ ...vault.place });
  await view.ready;
});
afterAll(async () => {
  await view?.close();
  await publisher?.close();
  await vault?.close();
});

const store = (userId: string, platform = 'gmail', expiresAt: Date | null = null) =>
  engine.storeToken({ userId, platform, accessToken: 'a', refreshToken: null, expiresAt, scopes: ['email'] });

/** What the topic holds of a user, in order. */
const seenOf = async (userId: string): Promise<readonly StateSeen[]> =>
  (await readStates(vault)).filter(({ user }) => user === userId);

const lastOf = async (userId: string): Promise<StateSeen> =>
  (await seenOf(userId)).at(-1) ?? expect.fail('the topic has nothing of the user');

/** The last message about a user, once it has the revision. */
const shown = (userId: string, revision: number): Promise<StateSeen> =>
  vi.waitFor(async () => {
    const last = await lastOf(userId);
    expect(last.revision).toBe(revision);
    return last;
  }, SHOWN_WITHIN);

const forgotten = (userId: string): Promise<StateSeen> =>
  vi.waitFor(async () => {
    const last = await lastOf(userId);
    expect(last.state).toBeNull();
    return last;
  }, SHOWN_WITHIN);

const write = (userId: string, value: Buffer | null, revision: number | null) =>
  publisher.send({
    topic: vault.topics.connectionState,
    key: Buffer.from(userId),
    value,
    headers: revision === null ? {} : { 'x-revision': Buffer.from(String(revision)) },
  });
const writeState = (state: ConnectionState) =>
  write(state.user_id, vault.codec.encode('ConnectionState', state), state.revision);
const stateOf = async (userId: string): Promise<ConnectionState> =>
  (await lastOf(userId)).state ?? expect.fail('the last message is no snapshot');

const projector = () => vault.running.services.get('status-projector') ?? expect.fail('the projector does not run');

describe('the state topic', () => {
  test('shows what is stored, revoked and forgotten, and who returns', async () => {
    const userId = 'shown';
    const first = await store(userId);
    expect((await shown(userId, first.revision)).state).toMatchObject({
      user_id: userId,
      revision: first.revision,
      connections: [
        { platform: 'gmail', status: 'CONNECTED', suggested_action: 'NONE', reason: null, scopes: ['email'] },
      ],
      flows: [],
    });
    const second = await store(userId, 'slack');
    const platforms = async (revision: number) =>
      (await shown(userId, revision)).state?.connections.map(({ platform }) => platform);
    expect(await platforms(second.revision)).toEqual(['gmail', 'slack']);
    const revoked = await engine.revokeToken({ userId, platform: 'gmail' });
    expect(await platforms(revoked.revision)).toEqual(['slack']);

    await engine.forgetUser({ userId });
    const tombstone = await forgotten(userId);
    expect(tombstone.revision).toBeGreaterThan(revoked.revision);
    const back = await store(userId);
    expect(back.revision).toBeGreaterThan(tombstone.revision);
    expect(await platforms(back.revision)).toEqual(['gmail']);
  });

  test('has a zombie’s older snapshot overwritten at once by the newest', async () => {
    const userId = 'zombie';
    await shown(userId, (await store(userId)).revision);
    const older = await stateOf(userId);
    const newer = await store(userId, 'slack');
    await shown(userId, newer.revision);
    await writeState(older);
    expect((await shown(userId, newer.revision)).state?.connections).toHaveLength(2);
    expect((await seenOf(userId)).map(({ revision }) => revision).slice(-2)).toEqual([older.revision, newer.revision]);
  });

  test('has a zombie’s snapshot of a forgotten user overwritten by the tombstone', async () => {
    const userId = 'ghost';
    await shown(userId, (await store(userId)).revision);
    const older = await stateOf(userId);
    await engine.forgetUser({ userId });
    const tombstone = await forgotten(userId);
    await writeState(older);
    expect((await forgotten(userId)).revision).toBe(tombstone.revision);
    expect(view.get(userId).revision).toBe(0);
  });

  test('has garbage and a tombstone without a revision overwritten', async () => {
    const userId = 'garbage';
    const { revision } = await store(userId);
    await shown(userId, revision);
    await write(userId, Buffer.from('garbage'), null);
    await shown(userId, revision);
    await write(userId, null, null);
    await shown(userId, revision);
    expect(view.get(userId).revision).toBe(revision);
  });

  test('has overwritten what a zombie wrote while no projector ran, and shows what changed meanwhile', async () => {
    const [buried, changed] = ['buried', 'changed'];
    await shown(buried, (await store(buried)).revision);
    const older = await stateOf(buried);
    const newer = await store(buried, 'slack');
    await shown(buried, newer.revision);
    await projector().kill('SIGKILL');
    await writeState(older);
    const meanwhile = await store(changed);
    await vault.start('status-projector-2', 'status-projector');
    await shown(buried, newer.revision);
    await shown(changed, meanwhile.revision);
  });

  test('gets nothing new from events that come a second time', async () => {
    const userId = 'again';
    const { revision } = await store(userId);
    await shown(userId, revision);
    const before = await seenOf(userId);
    const events = (await vault.read(vault.topics.connectionEvents, 'ConnectionChanged')).filter(
      ({ user_id: user }) => user === userId,
    );
    for (const event of events) {
      const value = vault.codec.encode('ConnectionChanged', event);
      await publisher.send({ topic: vault.topics.connectionEvents, key: Buffer.from(userId), value });
    }
    // A later event of the same user shows that those before it are done.
    await shown(userId, (await store(userId, 'slack')).revision);
    expect(await seenOf(userId)).toHaveLength(before.length + 1);
  });
});

describe('the view', () => {
  test('says what GetStatus says: connected, expired, missing, unknown', async () => {
    const soon = new Date(Date.now() + 1_500);
    await store('mixed', 'gmail');
    await store('mixed', 'notion', soon);
    await store('mixed', 'slack', new Date(Date.now() + 3_600_000));
    const { revision } = await engine.revokeToken({ userId: 'mixed', platform: 'slack' });
    await vi.waitUntil(() => view.get('mixed').revision === revision, SHOWN_WITHIN);
    await vi.waitUntil(() => Date.now() > soon.getTime(), SHOWN_WITHIN);
    for (const userId of ['mixed', 'nobody']) {
      const { asOf, ...seen } = view.get(userId);
      expect(seen).toEqual(await (await vault.client('sync')).getStatus({ userId }));
      expect(asOf === null).toBe(userId === 'nobody');
    }
    const standing = view.get('mixed').platforms.map(({ platform, status }) => [platform, status]);
    expect(Object.fromEntries(standing)).toMatchObject({ gmail: 'CONNECTED', notion: 'EXPIRED', slack: 'MISSING' });
  });

  test('tells several readers of each change, and finds users by what they should do', async () => {
    const [all, expired] = [view.changes(), view.changes({ actions: ['REAUTH'] })];
    const left = view.changes();
    await left.return?.();
    await store('calm', 'gmail');
    const soon = new Date(Date.now() + 1_000);
    await store('urgent', 'gmail', soon);
    await vi.waitUntil(() => view.get('urgent').revision > 0 && Date.now() > soon.getTime(), SHOWN_WITHIN);
    const told: string[] = [];
    for await (const { userId } of all) {
      told.push(userId);
      if (userId === 'urgent') break;
    }
    expect(told).toEqual(['calm', 'urgent']);
    expect((await expired.next()).value).toMatchObject({ userId: 'urgent' });
    expect([...view.users({ actions: ['REAUTH'] })].map(({ userId }) => userId)).toContain('urgent');
    expect((await left.next()).done).toBe(true);
  });
});

describe('the command line', () => {
  test('finds planted drift, and mends it by a rebuild', async () => {
    const userId = 'drifted';
    const { revision } = await store(userId);
    await shown(userId, revision);
    expect(await cli('state', 'diff', '--grace', '3')).toMatchObject({
      code: 0,
      out: ['topic and store agree'],
    });

    const state = await stateOf(userId);
    await writeState({ ...state, connections: [] });
    await writeState({ ...state, user_id: 'stranger', revision: 5 });
    const { code, out, err } = await cli('state', 'diff', '--grace', '1');
    expect([code, [...out].sort()]).toEqual([
      1,
      [
        'drifted: the topic has the same revision with other content',
        'stranger: the topic has a snapshot, but the store does not have the user',
      ],
    ]);
    expect(err).toEqual(['2 users differ; npm run vault -- state rebuild republishes all users']);

    expect(await cli('state', 'rebuild', '--dry-run')).toMatchObject({
      code: 0,
      out: [expect.stringMatching(/^would publish \d+ snapshots and 1 tombstones$/)],
    });
    expect(await cli('state', 'rebuild')).toMatchObject({
      code: 1,
      err: [expect.anything(), expect.stringMatching(/--yes/)],
    });
    const rebuilt = await cli('state', 'rebuild', '--yes');
    expect(rebuilt).toMatchObject({
      code: 0,
      out: [expect.stringMatching(/^published \d+ snapshots and 1 tombstones$/)],
    });
    expect((await shown(userId, revision)).state?.connections).toHaveLength(1);
    await forgotten('stranger');
    expect((await cli('state', 'diff', '--grace', '1')).code).toBe(0);
  }, 180_000);

  test('names the platforms once, and changes nothing the second time', async () => {
    const key = Buffer.from('gone');
    const value = vault.codec.encode('PlatformEntry', { platform: 'gone', display_name: 'Gone' });
    await publisher.send({ topic: vault.topics.platforms, key, value });
    expect(await cli('platforms', 'apply')).toMatchObject({ code: 0, err: [expect.stringMatching(/kept: gone;/)] });
    expect(await cli('platforms', 'apply', '--remove')).toMatchObject({ code: 1, out: [] });
    expect(await cli('platforms', 'apply', '--remove', '--yes')).toMatchObject({ code: 0, out: ['gone: removed'] });
    expect(await cli('platforms', 'apply')).toMatchObject({ out: ['the published platform names are up to date'] });
    await vi.waitFor(() => expect(view.get('nobody').platforms.map(({ platform }) => platform)).not.toContain('gone'));
  });
});
