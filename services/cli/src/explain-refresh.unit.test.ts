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

const linesOf = (connection: ConnectionRecord, by: RefreshTerms | null = terms): string =>
  explainedLines(explainRefresh(connection, by, NOW), NOW).join('\n');

test('a connection in good order says when it is refreshed', () => {
  expect(linesOf(record())).toBe(
    [
      'status   CONNECTED, suggests NONE',
      'token    version 7, stored 2027-01-31T11:30:00.000Z (30 minutes ago), lapses 2027-01-31T12:30:00.000Z (in 30 minutes)',
      'grant    since 2027-01-31T11:30:00.000Z (30 minutes ago), nobody said when it lapses, not refreshed yet',
      'refresh  good',
      'lease    free',
      'now      would be refreshed if it were wanted',
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
    'that rests after a failure',
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
    /now +would rest after its failure until .*in 1 minute\); refresh run passes that/,
  ],
  [
    'that is dead',
    { condition: { kind: 'dead', reason: 'grant_refused', since: NOW } },
    /now +would not be refreshed: only the user/,
  ],
  [
    'whose refresher died',
    { lease: { owner: 'x', until: NOW - 1, phase: 'called' } },
    /lease +lapsed at .*the provider may have been asked: whoever held it died/,
  ],
  [
    'that was refreshed a moment ago',
    { grant: { since: NOW, endsAt: null, refreshedAt: NOW, account: null } },
    /now +would rest: the platform is not asked again before .*in 1 minute/,
  ],
])('a connection %s says so', (_, fields, says) => {
  expect(linesOf(record(fields))).toMatch(says);
});

const DIED = { lease: { owner: 'x', until: NOW - 1, phase: 'called' } } as const;
const TELLS = { ...terms, canIntrospect: true };

test.each<[string, Partial<ConnectionRecord>, RefreshTerms, RegExp]>([
  [
    'is given up where a second use is fatal',
    DIED,
    terms,
    /now +would be given up if it were wanted: the refresh token/,
  ],
  [
    'is asked about where the provider tells',
    DIED,
    TELLS,
    /now +would be refreshed if .* said that the refresh token is/,
  ],
  ['is sent again in the grace', DIED, { ...TELLS, graceMs: MINUTE }, /now +would be refreshed if it were wanted$/m],
  [
    'is sent again where that is no harm',
    DIED,
    { ...terms, reuse: 'refused' },
    /now +would be refreshed if it were wanted$/m,
  ],
  [
    'is sent where whoever died had not called yet',
    { lease: { ...DIED.lease, phase: 'claimed' } },
    TELLS,
    /now +would be refreshed if it were wanted$/m,
  ],
  [
    'is left to whoever is at it',
    { lease: { ...DIED.lease, until: NOW + 1 } },
    terms,
    /lease +held until .*\nnow +would be refreshed if it were wanted$/m,
  ],
])('a refresh token that may be spent %s', (_, fields, by, says) => {
  expect(linesOf(record(fields), by)).toMatch(says);
});

test('a connection of a platform without a profile says so', () => {
  expect(linesOf(record(), null)).toMatch(/now +would not be refreshed: its platform has no profile here/);
});
