import { type AuthorizationServer, openAuthorizationServer } from '@vault-engine/authorization-server';
import type { StoreTokenInput, VaultClient } from '@vault-engine/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openScriptedProvider, type ScriptedProvider } from './open-scripted-provider.ts';
import { openVault, type TestVault } from './open-vault.ts';

let server: AuthorizationServer;
/** Another, which holds its answers to a refresh back. */
let slow: AuthorizationServer;
let provider: ScriptedProvider;
let vault: TestVault;
let action: VaultClient;
beforeAll(async () => {
  server = await openAuthorizationServer();
  slow = await openAuthorizationServer({ tokenLatencyMs: 700 });
  provider = await openScriptedProvider();
  vault = await openVault({
    platforms: [
      { id: 'certified', profile: server.profile, client: server.client },
      { id: 'slow', profile: slow.profile, client: slow.client },
      provider.platform('scripted', ['revoke', 'identity']),
      provider.platform('plain', []),
    ],
    // One command at a time, so that one which waits and keeps its place would hold up everybody.
    env: { VAULT_WORKER_CONCURRENCY: '1' },
  });
  action = await vault.client('action');
});
afterAll(async () => {
  await vault.close();
  await Promise.all([server.close(), slow.close(), provider.close()]);
});

const store = (userId: string, platform: string, more: Partial<StoreTokenInput> = {}) =>
  action.storeToken({ userId, platform, accessToken: 'access', refreshToken: 'refresh', scopes: [], ...more });

const HOUR_MS = 3_600_000;

/** How often the scripted provider was asked at an address. */
const asked = (path: string) => provider.received.filter((request) => request.path === path).length;

/** An answer that is still to come, and whether it has. */
const watch = <T>(answer: Promise<T>) => {
  let settled = false;
  const done = () => {
    settled = true;
  };
  answer.then(done, done);
  return { answer, settled: () => settled };
};

/** What the audit log has of a user, in the order of time. */
const audited = async (userId: string, ...actions: readonly string[]) => {
  const records = await vault.read(vault.topics.auditLog, 'AuditRecord');
  return records
    .filter(({ user_id, action: of }) => user_id === userId && actions.includes(of))
    .toSorted((a, b) => a.time - b.time)
    .map(({ action: of, result, reason }) => `${of} ${result}${reason === null ? '' : ` ${reason}`}`);
};

describe('revoking', () => {
  it('ends the grant at the provider, once, and a repetition answers the same', async () => {
    const { access, refresh } = await server.consent('ada');
    await store('r1', 'certified', { accessToken: access, refreshToken: refresh });
    expect(await server.accepts(access)).toBe(true);
    const once = { idempotencyKey: 'revoke-r1' };
    const revoked = await action.revokeToken({ userId: 'r1', platform: 'certified' }, once);
    expect(revoked).toMatchObject({ providerOutcome: 'revoked', providerReason: null });
    expect(await server.accepts(access)).toBe(false);
    expect(await action.revokeToken({ userId: 'r1', platform: 'certified' }, once)).toEqual(revoked);
    expect(server.counts().revocations).toBe(1);
    expect(await audited('r1', 'RevokeGrant', 'RevokeToken')).toEqual([
      'RevokeGrant started',
      'RevokeGrant ok',
      'RevokeToken ok',
      'RevokeToken ok repeated',
    ]);
    const ids = (await vault.read(vault.topics.auditLog, 'AuditRecord')).filter(
      ({ user_id, action: of, reason }) => user_id === 'r1' && of.startsWith('Revoke') && reason === null,
    );
    expect(new Set(ids.map(({ request_id }) => request_id)).size).toBe(1);
  });

  it('waits for a refresh that is under way, and ends what it brought', async () => {
    const { access, refresh } = await slow.consent('ada');
    const place = { userId: 'r0', platform: 'slow' };
    await store('r0', 'slow', { accessToken: access, refreshToken: refresh, expiresAt: Date.now() - 1 });
    const renewing = action.getToken(place);
    await expect.poll(() => slow.counts().refreshes.total, { timeout: 5_000 }).toBe(1);
    expect(await action.revokeToken(place)).toMatchObject({ providerOutcome: 'revoked' });
    const refreshed = await renewing;
    expect(refreshed.accessToken).not.toBe(access);
    expect(await slow.accepts(refreshed.accessToken)).toBe(false);
    await expect(action.getToken(place)).rejects.toMatchObject({ code: 'not_connected' });
  });

  it('deletes the connection also when the provider fails, and says so', async () => {
    provider.meet('/revoke', { status: 500, body: {} });
    await store('r2', 'scripted');
    expect(await action.revokeToken({ userId: 'r2', platform: 'scripted' })).toMatchObject({
      providerOutcome: 'failed',
      providerReason: 'provider_error',
    });
    await expect(action.getToken({ userId: 'r2', platform: 'scripted' })).rejects.toMatchObject({
      code: 'not_connected',
    });
    expect(await audited('r2', 'RevokeGrant')).toEqual([
      'RevokeGrant started',
      'RevokeGrant provider_unavailable provider_error',
    ]);
  });

  it('answers in time when the provider hangs, and holds up nobody but the user', async () => {
    provider.meet('/revoke', 'hang');
    await store('r3', 'scripted');
    await store('r4', 'plain');
    const before = asked('/revoke');
    const revoking = watch(action.revokeToken({ userId: 'r3', platform: 'scripted' }, { timeoutMs: 6_000 }));
    await expect.poll(() => asked('/revoke'), { timeout: 3_000 }).toBe(before + 1);
    const behind = action.getStatus({ userId: 'r3' });
    await action.getToken({ userId: 'r4', platform: 'plain' });
    expect(revoking.settled()).toBe(false);
    expect(await revoking.answer).toMatchObject({ providerOutcome: 'failed', providerReason: 'no_answer' });
    expect((await behind).platforms.filter(({ status }) => status !== 'MISSING')).toEqual([]);
  });

  it('says where the provider has no way, or nobody is registered there', async () => {
    for (const platform of ['plain', 'gmail']) {
      await store('r5', platform);
      expect(await action.revokeToken({ userId: 'r5', platform })).toMatchObject({
        providerOutcome: 'not_supported',
        providerReason: null,
      });
    }
    expect(await audited('r5', 'RevokeGrant')).toEqual(['RevokeGrant started', 'RevokeGrant ok not_supported']);
  });

  it('is answered over HTTP with what became of the grant', async () => {
    provider.meet('/revoke', { status: 503, body: {} });
    await store('r6', 'scripted');
    const response = await fetch(`${vault.gateway}/revoke_token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-engine-id': 'action',
        'x-engine-key': vault.engines['action']?.key ?? '',
      },
      body: JSON.stringify({ user_id: 'r6', platform: 'scripted' }),
    });
    expect(await response.json()).toMatchObject({ provider_outcome: 'failed', provider_reason: 'provider_error' });
  });
});

describe('reconnecting', () => {
  const as = (account: string) => provider.meet('/me', { status: 200, body: { sub: account } });
  const mismatch = { code: 'account_mismatch', suggestedAction: 'fix_request' };

  it('is refused with the tokens of another account, unless that is asked for', async () => {
    const [ada, again, eve] = [await server.consent('ada'), await server.consent('ada'), await server.consent('eve')];
    const tokensOf = ({ access, refresh }: typeof ada) => ({
      accessToken: access,
      refreshToken: refresh,
      expiresAt: Date.now() + HOUR_MS,
    });
    await store('c1', 'certified', tokensOf(ada));
    await store('c1', 'certified', tokensOf(again));
    await expect(store('c1', 'certified', tokensOf(eve))).rejects.toMatchObject(mismatch);
    const place = { userId: 'c1', platform: 'certified' };
    expect((await action.getToken(place)).accessToken).toBe(again.access);
    await store('c1', 'certified', { ...tokensOf(eve), allowAccountChange: true });
    expect((await action.getToken(place)).accessToken).toBe(eve.access);
    await expect(store('c1', 'certified', tokensOf(ada))).rejects.toMatchObject(mismatch);
  });

  it('without a refresh token goes on with the one that is stored, where the account is the same', async () => {
    const [first, second] = [await server.consent('ada'), await server.consent('ada')];
    const place = { userId: 'c9', platform: 'certified' };
    await store('c9', 'certified', { accessToken: first.access, refreshToken: first.refresh });
    await store('c9', 'certified', { accessToken: second.access, refreshToken: null, expiresAt: Date.now() - 1 });
    const issued = await action.getToken(place);
    expect([first.access, second.access]).not.toContain(issued.accessToken);
    const stored = (await vault.read(vault.topics.auditLog, 'AuditRecord')).filter(
      ({ user_id, action: name }) => user_id === 'c9' && name === 'StoreToken',
    );
    expect(stored.map(({ result, reason }) => [result, reason])).toEqual([
      ['ok', null],
      ['ok', 'refresh_token_kept'],
    ]);
  });

  it('is another operation than refreshing, in the audit log and in the events', async () => {
    const { access, refresh } = await server.consent('ada');
    const place = { userId: 'c0', platform: 'certified' };
    await store('c0', 'certified', { accessToken: access, refreshToken: refresh, expiresAt: Date.now() - 1 });
    await action.getToken(place);
    expect(await server.endGrant(refresh)).toBe(true);
    const again = await server.consent('ada');
    await store('c0', 'certified', {
      accessToken: again.access,
      refreshToken: again.refresh,
      expiresAt: Date.now() + HOUR_MS,
    });
    expect((await action.getToken(place)).accessToken).toBe(again.access);
    expect(await audited('c0', 'StoreToken', 'RefreshToken')).toEqual([
      'StoreToken ok',
      'RefreshToken started',
      'RefreshToken ok',
      'StoreToken ok',
    ]);
    const events = await vault.read(vault.topics.connectionEvents, 'ConnectionChanged');
    expect(events.filter(({ user_id }) => user_id === 'c0').map(({ change }) => change)).toEqual([
      'CONNECTED',
      'RENEWED',
      'RECONNECTED',
    ]);
  });

  it('is refused over HTTP too, unless that is asked for', async () => {
    as('ada');
    await store('c2', 'scripted');
    as('eve');
    const post = async (more: object) => {
      const response = await fetch(`${vault.gateway}/store_token`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-engine-id': 'action',
          'x-engine-key': vault.engines['action']?.key ?? '',
        },
        body: JSON.stringify({ user_id: 'c2', platform: 'scripted', access_token: 'other', scopes: [], ...more }),
      });
      return { status: response.status, body: await response.json() };
    };
    expect(await post({})).toMatchObject({ status: 409, body: { error_code: 'account_mismatch' } });
    expect(await post({ allow_account_change: true })).toMatchObject({ status: 200 });
  });

  it('goes on where the provider can not be asked, and remembers the account that it knew', async () => {
    as('ada');
    await store('c3', 'scripted');
    provider.meet('/me', { status: 503, body: {} });
    await store('c3', 'scripted', { accessToken: 'unknown' });
    expect(await audited('c3', 'StoreToken')).toEqual(['StoreToken ok', 'StoreToken ok identity_unknown']);
    as('eve');
    await expect(store('c3', 'scripted')).rejects.toMatchObject(mismatch);
  });

  it('answers in time when the provider hangs, and holds up nobody but the user', async () => {
    provider.meet('/me', 'hang');
    const command = { userId: 'c4', platform: 'scripted', accessToken: 'a', scopes: [] };
    const before = asked('/me');
    const storing = watch(action.storeToken(command, { timeoutMs: 6_000 }));
    await expect.poll(() => asked('/me'), { timeout: 3_000 }).toBe(before + 1);
    await store('c5', 'plain');
    expect(storing.settled()).toBe(false);
    await storing.answer;
    expect(await audited('c4', 'StoreToken')).toEqual(['StoreToken ok identity_unknown']);
  });

  it('asks no provider that has no way to tell', async () => {
    const before = provider.received.length;
    for (let index = 0; index < 20; index += 1) await store(`p${index}`, 'plain');
    expect(provider.received).toHaveLength(before);
  });

  it('leaves nothing of the account in what is stored or said', async () => {
    const account = 'account-that-nobody-may-read';
    as(account);
    await store('c6', 'scripted');
    as('eve');
    await expect(store('c6', 'scripted')).rejects.toMatchObject(mismatch);
    const said = JSON.stringify([
      await vault.read(vault.topics.auditLog, 'AuditRecord'),
      await vault.read(vault.topics.connectionEvents, 'ConnectionChanged'),
      await action.getStatus({ userId: 'c6' }),
      await action.getToken({ userId: 'c6', platform: 'scripted' }),
    ]);
    expect(said).not.toContain(account);
  });
});
