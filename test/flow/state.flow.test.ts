import { createPublisher, type Publisher } from '@vault-engine/bus';
import type { VaultClient } from '@vault-engine/client';
import type { ConnectionState } from '@vault-engine/contracts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';
import { readStates, type StateSeen } from './read-states.ts';

const SHOWN_WITHIN = { timeout: 15_000, interval: 50 };

let vault: TestVault;
let engine: VaultClient;
let publisher: Publisher;
beforeAll(async () => {
  vault = await openVault({ services: ['command-worker', 'status-projector'] });
  engine = await vault.client('action');
  publisher = createPublisher(vault.bus);
});
afterAll(async () => {
  await publisher?.close();
  await vault?.close();
});

const store = (userId: string, platform = 'gmail') =>
  engine.storeToken({ userId, platform, accessToken: 'a', refreshToken: 'r', scopes: ['email'] });

/** What the topic holds of a user, in order. */
const seenOf = async (userId: string): Promise<readonly StateSeen[]> =>
  (await readStates(vault)).filter(({ user }) => user === userId);

/** The last message about a user, once it has the revision. */
const shown = (userId: string, revision: number): Promise<StateSeen> =>
  vi.waitFor(async () => {
    const last = (await seenOf(userId)).at(-1);
    expect(last?.revision).toBe(revision);
    return last ?? expect.fail('nothing is shown');
  }, SHOWN_WITHIN);

const write = (userId: string, state: ConnectionState | null, revision: number) =>
  publisher.send({
    topic: vault.topics.connectionState,
    key: Buffer.from(userId),
    value: state === null ? null : vault.codec.encode('ConnectionState', state),
    headers: { 'x-revision': Buffer.from(String(revision)) },
  });

test('a stored token is shown, and so are a second one, a revocation, and a user who is forgotten and returns', async () => {
  const userId = 'shown';
  const first = await store(userId);
  expect((await shown(userId, first.revision)).state).toMatchObject({
    user_id: userId,
    revision: first.revision,
    connections: [
      {
        platform: 'gmail',
        status: 'CONNECTED',
        suggested_action: 'NONE',
        scopes: ['email'],
        reason: null,
        expires_at: null,
      },
    ],
    flows: [],
  });
  const second = await store(userId, 'slack');
  const both = await shown(userId, second.revision);
  expect(both.state?.connections.map(({ platform }) => platform)).toEqual(['gmail', 'slack']);
  const revoked = await engine.revokeToken({ userId, platform: 'gmail' });
  expect((await shown(userId, revoked.revision)).state?.connections.map(({ platform }) => platform)).toEqual(['slack']);

  await engine.forgetUser({ userId });
  const tombstone = await vi.waitFor(async () => {
    const last = (await seenOf(userId)).at(-1);
    expect(last?.state).toBeNull();
    return last ?? expect.fail('nothing is shown');
  }, SHOWN_WITHIN);
  expect(tombstone.revision).toBeGreaterThan(revoked.revision);
  const back = await store(userId);
  expect(back.revision).toBeGreaterThan(tombstone.revision);
  await shown(userId, back.revision);
});
