import type { ConnectionSnapshot, ConnectionState } from '@vault-engine/contracts';
import { platformId } from '@vault-engine/model';
import { status } from '@vault-engine/vault';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { suggests, userState } from './user-state.ts';

const names = new Map([
  ['slack', 'Slack'],
  ['gmail', 'Gmail'],
]);
const connection = (platform: string, fields: Partial<ConnectionSnapshot> = {}): ConnectionSnapshot => ({
  platform,
  status: 'CONNECTED',
  suggested_action: 'NONE',
  reason: null,
  expires_at: null,
  lapses_at: null,
  reauth_from: null,
  renewal: 'NONE',
  scopes: [],
  token_version: 1,
  ...fields,
});
const snapshot = (...connections: readonly ConnectionSnapshot[]): ConnectionState => ({
  user_id: 'u1',
  revision: 7,
  as_of: 1_000,
  connections,
  flows: [],
});
const statuses = (state: ReturnType<typeof userState>) =>
  state.platforms.map(({ platform, displayName, status }) => `${platform} ${displayName} ${status}`);

describe('userState', () => {
  it('has every platform, connected or not, ordered by id', () => {
    expect(statuses(userState('u1', snapshot(connection('slack')), names, 0))).toEqual([
      'gmail Gmail MISSING',
      'slack Slack CONNECTED',
    ]);
  });

  it('shows a platform without a name by its id', () => {
    expect(statuses(userState('u1', snapshot(connection('old')), names, 0))).toContain('old old CONNECTED');
  });

  it('has revision 0 and no connection for a user without a snapshot', () => {
    const state = userState('u1', null, names, 0);
    expect(state).toMatchObject({ userId: 'u1', revision: 0, asOf: null });
    expect(statuses(state)).toEqual(['gmail Gmail MISSING', 'slack Slack MISSING']);
  });

  it('is EXPIRED from the expiry on, without a new snapshot', () => {
    const taken = snapshot(connection('gmail', { expires_at: 5_000 }));
    const at = (now: number) => userState('u1', taken, names, now).platforms[0];
    expect(at(4_999)).toMatchObject({ status: 'CONNECTED', suggestedAction: 'NONE', reason: null });
    expect(at(5_000)).toMatchObject({ status: 'EXPIRED', suggestedAction: 'REAUTH', reason: 'access_token_expired' });
  });

  it('suggests RESUME while a flow of a missing platform is open, and CONNECT from its end on, without a new snapshot', () => {
    const flow = { flow_id: 'f', platform: 'gmail', started_at: 1_000, expires_at: 5_000 };
    const at = (now: number) => userState('u1', { ...snapshot(), flows: [flow] }, names, now).platforms;
    expect(at(4_999)).toMatchObject([
      { platform: 'gmail', status: 'MISSING', suggestedAction: 'RESUME', reason: null },
      { platform: 'slack', status: 'MISSING', suggestedAction: 'CONNECT', reason: null },
    ]);
    expect(at(5_000)[0]).toMatchObject({ status: 'MISSING', suggestedAction: 'CONNECT', reason: null });
  });

  it('agrees with the vault about a flow at every moment', () => {
    const platform = platformId('gmail') ?? expect.fail('no platform');
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), fc.nat(250), (startedAt, ms, now) => {
        const open = { id: 'f', platform, startedAt, expiresAt: startedAt + ms };
        const shown = { flow_id: 'f', platform, started_at: startedAt, expires_at: open.expiresAt };
        const state = userState('u1', { ...snapshot(), flows: [shown] }, names, now).platforms[0];
        const said = status(null, now, open);
        expect([state?.status, state?.suggestedAction, state?.reason]).toEqual([said.status, said.action, said.reason]);
      }),
    );
  });

  it('ignores a flow where there is a connection', () => {
    const flow = { flow_id: 'f', platform: 'gmail', started_at: 1_000, expires_at: 5_000 };
    const state = userState('u1', { ...snapshot(connection('gmail')), flows: [flow] }, names, 2_000);
    expect(state.platforms[0]).toMatchObject({ status: 'CONNECTED', suggestedAction: 'NONE' });
  });

  it('keeps a status that a newer vault has added', () => {
    const state = userState('u1', snapshot(connection('gmail', { status: 'UNKNOWN', expires_at: 1 })), names, 9);
    expect(state.platforms[0]?.status).toBe('UNKNOWN');
  });

  it('is selected by the actions that it suggests', () => {
    const state = userState('u1', snapshot(connection('gmail', { expires_at: 5 })), names, 9);
    expect(suggests(state, new Set(['REAUTH']))).toBe(true);
    expect(suggests(state, new Set(['RETRY', 'RESUME']))).toBe(false);
  });
});
