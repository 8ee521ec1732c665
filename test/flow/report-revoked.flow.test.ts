import { type ConnectionStateView, openConnectionStateView, type VaultClient } from '@vault-engine/client';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';
import { runVaultCli } from './run-vault-cli.ts';

const IN_AN_HOUR = () => Date.now() + 3_600_000;
const REPORTED = { status: 'EXPIRED', suggestedAction: 'REAUTH', reason: 'reported_revoked' };

let vault: TestVault;
let action: VaultClient;
let view: ConnectionStateView;

beforeAll(async () => {
  vault = await openVault({ services: ['command-worker', 'gateway', 'status-projector'] });
  action = await vault.client('action');
  view = await openConnectionStateView({ ...vault.place });
  await view.ready;
});
afterAll(async () => {
  await view?.close();
  await vault?.close();
});

const store = async (userId: string): Promise<number> => {
  const input = { userId, platform: 'gmail', accessToken: `token of ${userId}`.replaceAll(' ', '-'), scopes: [] };
  return (await action.storeToken({ ...input, refreshToken: 'r1', expiresAt: IN_AN_HOUR() })).tokenVersion;
};
const gmailOf = async (userId: string) =>
  (await action.getStatus({ userId })).platforms.find(({ platform }) => platform === 'gmail');
const viewed = (userId: string) => view.get(userId).platforms.find(({ platform }) => platform === 'gmail');

const post = async (body: object): Promise<{ readonly status: number; readonly json: unknown }> => {
  const response = await fetch(`${vault.gateway}/report_revoked`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-engine-id': 'action',
      'x-engine-key': vault.engines['action']?.key ?? '',
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, json: await response.json() };
};

test('a reported connection asks the user to reconnect, in the answer, on the topic and in the view', async () => {
  const tokenVersion = await store('reported');
  const { outcome, revision } = await action.reportRevoked({ userId: 'reported', platform: 'gmail', tokenVersion });
  expect(outcome).toBe('reported');
  expect(await gmailOf('reported')).toMatchObject(REPORTED);
  await expect(action.getToken({ userId: 'reported', platform: 'gmail' })).rejects.toMatchObject({
    code: 'expired_token',
    suggestedAction: 'reauth',
  });
  await vi.waitFor(() => expect(viewed('reported')).toMatchObject(REPORTED), { timeout: 15_000 });
  const audited = await vault.read(vault.topics.auditLog, 'AuditRecord');
  expect(audited.filter(({ action: command }) => command === 'ReportRevoked')).toMatchObject([
    { user_id: 'reported', platform: 'gmail', engine: 'action', result: 'ok', reason: 'reported_revoked' },
  ]);
  const events = await vault.read(vault.topics.connectionEvents, 'ConnectionChanged');
  expect(events.filter((event) => event.revision === revision)).toMatchObject([
    { change: 'EXPIRED', status: 'EXPIRED', suggested_action: 'REAUTH', reason: 'reported_revoked', engine: 'action' },
  ]);
});

test('a report about older credentials changes nothing, and new credentials end a report', async () => {
  const older = await store('again');
  await action.reportRevoked({ userId: 'again', platform: 'gmail', tokenVersion: older });
  const newer = await store('again');
  expect(await action.reportRevoked({ userId: 'again', platform: 'gmail', tokenVersion: older })).toMatchObject({
    outcome: 'older_version',
    tokenVersion: newer,
  });
  expect(await gmailOf('again')).toMatchObject({ status: 'CONNECTED', suggestedAction: 'NONE' });
  expect((await action.getToken({ userId: 'again', platform: 'gmail' })).accessToken).toBe('token-of-again');
});

test('a report needs its own grant', async () => {
  const tokenVersion = await store('granted');
  const sync = await vault.client('sync');
  const report = sync.reportRevoked({ userId: 'granted', platform: 'gmail', tokenVersion });
  await expect(report).rejects.toMatchObject({ code: 'forbidden' });
  expect(await gmailOf('granted')).toMatchObject({ status: 'CONNECTED' });
});

test('a report may come over REST', async () => {
  const token_version = await store('by-rest');
  expect(await post({ user_id: 'by-rest', platform: 'gmail', token_version })).toMatchObject({
    status: 200,
    json: { outcome: 'reported', token_version },
  });
  expect(await gmailOf('by-rest')).toMatchObject(REPORTED);
});

test('a report may come from the command line', async () => {
  const tokenVersion = await store('by-cli');
  const words = ['token', 'report-revoked', 'by-cli', 'gmail', '--token-version', String(tokenVersion), '--json'];
  const engine = { VAULT_ENGINE_ID: 'action', VAULT_ENGINE_KEY: vault.engines['action']?.kafka.key ?? '' };
  const { code, out } = await runVaultCli(vault, words, engine);
  expect({ code, answer: JSON.parse(out.join('\n')) }).toMatchObject({ code: 0, answer: { outcome: 'reported' } });
  expect(await gmailOf('by-cli')).toMatchObject(REPORTED);
});
