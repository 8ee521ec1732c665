import type { PlatformStatus, UserState } from '@vault-engine/client';
import { describe, expect, it } from 'vitest';
import { promptsOf } from './prompts-of.ts';

const DAY = 86_400_000;
const NOW = 1_800_000_000_000;
const platform = (displayName: string, fields: Partial<PlatformStatus>): PlatformStatus => ({
  platform: displayName.toLowerCase(),
  displayName,
  status: 'CONNECTED',
  suggestedAction: 'NONE',
  reason: null,
  expiresAt: null,
  lapsesAt: null,
  scopes: [],
  ...fields,
});
const missing = platform('Slack', { status: 'MISSING', suggestedAction: 'CONNECT' });
const expiring = (ms: number) =>
  platform('Notion', { suggestedAction: 'REAUTH', reason: 'grant_lapses', lapsesAt: new Date(NOW + ms) });
const user = (...platforms: readonly PlatformStatus[]): UserState => ({
  userId: 'u1',
  revision: 1,
  asOf: null,
  platforms,
});
const texts = (state: UserState) => promptsOf(state, NOW).map(({ text }) => text);

describe('the prompt', () => {
  it.each([
    [3 * DAY, 'in 3 days'],
    [DAY, 'in 1 day'],
    [5 * 3_600_000, 'in 5 hours'],
    [90_000, 'in 2 minutes'],
    [400, 'in 0 seconds'],
  ])('asks to reconnect a grant that expires in %i ms', (ms, words) => {
    expect(texts(user(expiring(ms), missing))).toEqual([`u1: reconnect Notion; the grant expires ${words}`]);
  });

  it('asks to reconnect an expired or rejected grant', () => {
    const expired = platform('Gmail', { status: 'EXPIRED', suggestedAction: 'REAUTH', reason: 'access_token_expired' });
    const ended = { ...expiring(3_600_000), reason: 'grant_refused' };
    expect(texts(user(expired, ended))).toEqual([
      'u1: reconnect Gmail; it has expired',
      'u1: reconnect Notion; the grant was rejected and the token expires in 1 hour',
    ]);
  });

  it('asks to finish a started flow, and to connect a platform if none is connected', () => {
    expect(texts(user({ ...missing, suggestedAction: 'RESUME' }))).toEqual(['u1: finish connecting Slack']);
    expect(texts(user(missing))).toEqual(['u1: connect a platform; none is connected']);
  });

  it('is absent if all is well, the vault retries, or the user was forgotten', () => {
    expect(texts(user(platform('Gmail', {}), missing))).toEqual([]);
    expect(texts(user(platform('Gmail', { status: 'EXPIRED', suggestedAction: 'RETRY' })))).toEqual([]);
    expect(texts({ ...user(missing), revision: 0 })).toEqual([]);
  });

  it('has the same key for the same request and reason', () => {
    const key = (state: UserState, now: number) => promptsOf(state, now).map((prompt) => prompt.key);
    expect(key(user(expiring(DAY)), NOW + 5_000)).toEqual(key(user(expiring(DAY)), NOW));
    expect(key(user(expiring(2 * DAY)), NOW)).not.toEqual(key(user(expiring(DAY)), NOW));
  });
});
