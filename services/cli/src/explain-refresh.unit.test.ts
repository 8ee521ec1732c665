import { ciphertext } from '@vault-engine/crypto';
import type { ConnectionRecord, RefreshTerms } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { explainedLines, explainRefresh } from './explain-refresh.ts';

const NOW = Date.UTC(2027, 0, 31, 12);
const MINUTE = 60_000;

const record = (fields: Partial<ConnectionRecord> = {}): ConnectionRecord => ({
  version: 7,
  tokenVersion: 7,
  storedAt: NOW - 30 * MINUTE,
  metadata: { tokenType: 'Bearer', scopes: [], expiresAt: NOW + 30 * MINUTE, refreshExpiresAt: null, params: {} },
  access: ciphertext(Buffer.from('a')),
  refresh: ciphertext(Buffer.from('r')),
  condition: { kind: 'good' },
  grant: { since: NOW - 30 * MINUTE, endsAt: null, refreshedAt: null, account: null },
  lastPublishedStatus: '',
  lease: null,
  ...fields,
});

const terms: RefreshTerms = {
  dueAt: ({ expiresAt }) => (expiresAt === null ? null : expiresAt - 10 * MINUTE),
  backoff: () => MINUTE,
  minIntervalMs: MINUTE,
  graceMs: 0,
  reuse: 'fatal',
  canIntrospect: false,
  circuit: 'circuit',
  verdict: { confirmAfterMs: [60_000], askUserAfterMs: 3_600_000 },
};

const linesOf = (
  connection: ConnectionRecord,
  by: RefreshTerms | null = terms,
  missingClient: string | null = null,
): string => explainedLines(explainRefresh(connection, { terms: by, missingClient, now: NOW }), NOW).join('\n');

test('a healthy connection shows when it is refreshed', () => {
  expect(linesOf(record())).toBe(
    [
      'status   CONNECTED, suggests NONE',
      'token    version 7, stored 2027-01-31T11:30:00.000Z (30 minutes ago), expires 2027-01-31T12:30:00.000Z (in 30 minutes)',
      'grant    since 2027-01-31T11:30:00.000Z (30 minutes ago), expiry unknown, not refreshed yet',
      'refresh  good',
      'lease    free',
      'now      would be refreshed on demand',
      'next     refreshed by 2027-01-31T12:20:00.000Z (in 20 minutes)',
    ].join('\n'),
  );
});

test.each<[string, Partial<ConnectionRecord>, RegExp]>([
  [
    'without a refresh token',
    { refresh: null, condition: { kind: 'none' } },
    /next +EXPIRED, suggesting REAUTH, at .*in 30 minutes/,
  ],
  [
    'in backoff after a failure',
    {
      condition: {
        kind: 'failing',
        reason: 'provider_unavailable',
        since: NOW,
        failures: 3,
        retryAt: NOW + MINUTE,
        unknownSince: null,
      },
    },
    /now +would not be refreshed before .*in 1 minute\) because the last refresh failed; refresh run ignores this backoff/,
  ],
  [
    'that is dead',
    { condition: { kind: 'dead', reason: 'grant_refused', since: NOW } },
    /now +would not be refreshed: the user has to reconnect/,
  ],
  [
    'whose lease owner died',
    { lease: { owner: 'x', until: NOW - 1, phase: 'called' } },
    /lease +expired at .*; the owner died; the provider may have been called/,
  ],
  [
    'that was just refreshed',
    { grant: { since: NOW, endsAt: null, refreshedAt: NOW, account: null } },
    /now +would not be refreshed yet: the least interval between refreshes ends .*in 1 minute/,
  ],
])('a connection %s is explained', (_, fields, says) => {
  expect(linesOf(record(fields))).toMatch(says);
});

const DIED = { lease: { owner: 'x', until: NOW - 1, phase: 'called' } } as const;
const CAN_INTROSPECT = { ...terms, canIntrospect: true };

test.each<[string, Partial<ConnectionRecord>, RefreshTerms, RegExp]>([
  [
    'is given up if reuse is fatal',
    DIED,
    terms,
    /now +would be given up on demand: the refresh token may have been used/,
  ],
  [
    'is introspected if the provider supports it',
    DIED,
    CAN_INTROSPECT,
    /now +would be refreshed on demand, after introspection confirms that the refresh token is still unused/,
  ],
  [
    'is sent again within the grace period',
    DIED,
    { ...CAN_INTROSPECT, graceMs: MINUTE },
    /now +would be refreshed on demand$/m,
  ],
  ['is sent again if reuse is harmless', DIED, { ...terms, reuse: 'refused' }, /now +would be refreshed on demand$/m],
  [
    'is sent if the dead owner had not called the provider',
    { lease: { ...DIED.lease, phase: 'claimed' } },
    CAN_INTROSPECT,
    /now +would be refreshed on demand$/m,
  ],
  [
    'is left to the owner of the lease',
    { lease: { ...DIED.lease, until: NOW + 1 } },
    terms,
    /lease +owned until .*\nnow +would be refreshed on demand$/m,
  ],
])('a refresh token that may have been used %s', (_, fields, by, says) => {
  expect(linesOf(record(fields), by)).toMatch(says);
});

test('a connection of a platform without a profile is explained', () => {
  expect(linesOf(record(), null)).toMatch(/now +would not be refreshed: the platform has no profile here/);
});

test('without a client registration the missing variable is named, and nothing is announced as refreshed', () => {
  const lines = linesOf(record({ condition: { kind: 'none' } }), terms, 'VAULT_CLIENT_ID_GMAIL');
  expect(lines).toMatch(/now +would not be refreshed unless .* have VAULT_CLIENT_ID_GMAIL, which is not set here/);
  expect(lines).toMatch(/next +EXPIRED, suggesting REAUTH/);
});
