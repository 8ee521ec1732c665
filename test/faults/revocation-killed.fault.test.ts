import { afterAll, beforeAll, expect, it } from 'vitest';
import { openScriptedProvider, type ScriptedProvider } from '../flow/open-scripted-provider.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';

/** Longer than the group waits for a worker that was killed. */
const TIMEOUT_MS = 40_000;

let provider: ScriptedProvider;
let at: FaultVault;
beforeAll(async () => {
  provider = await openScriptedProvider();
  at = await openFaultVault({ timeoutMs: TIMEOUT_MS, platforms: [provider.platform('scripted', ['revoke'])] });
});
afterAll(async () => {
  await at.close();
  await provider.close();
});

const connect = (userId: string) =>
  at.callers.writer.storeToken({ userId, platform: 'scripted', accessToken: 'a', refreshToken: 'r', scopes: [] });

/** Kills the worker when the provider has the request and before it answers: it may have ended the grant. */
const killWhileAsking = async (): Promise<void> => {
  const asked = provider.received.length;
  await expect.poll(() => provider.received.length, { timeout: 10_000 }).toBe(asked + 1);
  await at.worker().kill('SIGKILL');
  provider.meet('/revoke', { status: 200, body: {} });
};

const left = async (userId: string) => {
  const { topics } = at.vault;
  const audits = await at.vault.read(topics.auditLog, 'AuditRecord');
  const events = await at.vault.read(topics.connectionEvents, 'ConnectionChanged');
  const of = (record: { readonly user_id: string | null }) => record.user_id === userId;
  const effects = audits.filter(of).filter(({ action }) => action === 'RevokeToken' || action === 'RevokeGrant');
  return {
    effects: effects.map(({ action, result }) => `${action} ${result}`).toSorted(),
    events: events.filter(of).map(({ change }) => change),
  };
};

const ENDED_ONCE = {
  effects: ['RevokeGrant ok', 'RevokeGrant started', 'RevokeGrant started', 'RevokeToken ok'],
  events: ['CONNECTED', 'REVOKED'],
};

it('a revocation whose worker is killed while the provider is asked is finished by another', async () => {
  await connect('u1');
  provider.meet('/revoke', 'hang');
  const revoking = at.callers.writer.revokeToken({ userId: 'u1', platform: 'scripted' });
  await killWhileAsking();
  await at.startWorker();
  expect(await revoking).toMatchObject({ providerOutcome: 'revoked' });
  expect(await left('u1')).toEqual(ENDED_ONCE);
}, 90_000);

it('one whose time is over meanwhile leaves the connection, and is finished when its caller repeats it', async () => {
  await connect('u2');
  provider.meet('/revoke', 'hang');
  const [command, once] = [{ userId: 'u2', platform: 'scripted' }, { idempotencyKey: 'revoke-u2' }];
  const late = expect(at.callers.writer.revokeToken(command, { ...once, timeoutMs: 3_000 })).rejects.toThrow();
  await killWhileAsking();
  await late;
  await at.startWorker();
  const { platforms } = await at.callers.reader.getStatus({ userId: 'u2' });
  expect(platforms.find(({ platform }) => platform === 'scripted')?.status).toBe('CONNECTED');
  expect(await at.callers.writer.revokeToken(command, once)).toMatchObject({ providerOutcome: 'revoked' });
  expect((await left('u2')).events).toEqual(ENDED_ONCE.events);
}, 90_000);
