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
const lapsing = (ms: number) =>
  platform('Notion', { suggestedAction: 'REAUTH', reason: 'grant_lapses', lapsesAt: new Date(NOW + ms) });
const user = (...platforms: readonly PlatformStatus[]): UserState => ({
  userId: 'u1',
  revision: 1,
  asOf: null,
  platforms,
});
const texts = (state: UserState) => promptsOf(state, NOW).map(({ text }) => text);

describe('what a user is asked', () => {
  it.each([
    [3 * DAY, 'in 3 days'],
    [DAY, 'in 1 day'],
    [5 * 3_600_000, 'in 5 hours'],
    [90_000, 'in 2 minutes'],
    [400, 'in 0 seconds'],
  ])('is to reconnect what lapses in %i ms, before it does', (ms, words) => {
    expect(texts(user(lapsing(ms), missing))).toEqual([`u1: reconnect Notion, its grant lapses ${words}`]);
  });

  it('is to reconnect what has lapsed, and what the provider has ended', () => {
    const expired = platform('Gmail', { status: 'EXPIRED', suggestedAction: 'REAUTH', reason: 'access_token_expired' });
    const ended = { ...lapsing(3_600_000), reason: 'grant_refused' };
    expect(texts(user(expired, ended))).toEqual([
      'u1: reconnect Gmail, it has lapsed',
      'u1: reconnect Notion, its grant is gone and its token lapses in 1 hour',
    ]);
  });

  it('is to finish what was begun, and to connect something where there is nothing', () => {
    expect(texts(user({ ...missing, suggestedAction: 'RESUME' }))).toEqual([
      'u1: finish connecting Slack, it was begun',
    ]);
    expect(texts(user(missing))).toEqual(['u1: connect a platform, there is none']);
  });

  it('is nothing while all is well, the vault tries by itself, or nobody knows the user any more', () => {
    expect(texts(user(platform('Gmail', {}), missing))).toEqual([]);
    expect(texts(user(platform('Gmail', { status: 'EXPIRED', suggestedAction: 'RETRY' })))).toEqual([]);
    expect(texts({ ...user(missing), revision: 0 })).toEqual([]);
  });

  it('is the same as long as it is asked for the same reason', () => {
    const key = (state: UserState, now: number) => promptsOf(state, now).map((prompt) => prompt.key);
    expect(key(user(lapsing(DAY)), NOW + 5_000)).toEqual(key(user(lapsing(DAY)), NOW));
    expect(key(user(lapsing(2 * DAY)), NOW)).not.toEqual(key(user(lapsing(DAY)), NOW));
  });
});
