import { statusText } from '@vault-engine/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, ConnectionRecord } from '../connection-record.ts';
import type { RefreshTerms } from '../providers.ts';
import { status, withPublishedStatus } from '../status.ts';
import { connectionOf, terms } from '../testing/connection-samples.ts';
import { NOW } from '../testing/flow-samples.ts';
import { mayRefresh } from './judge-answer.ts';
import { attentionAt, isOver, refreshAt } from './schedule.ts';

/** Due a minute ahead of the expiry. */
const ahead: RefreshTerms = { ...terms, dueAt: ({ expiresAt }) => (expiresAt === null ? null : expiresAt - 60_000) };

const failing = (retryAt: number): Condition => ({
  kind: 'failing',
  reason: 'provider_unavailable',
  since: NOW,
  failures: 1,
  retryAt,
  unknownSince: null,
});
const DEAD: Condition = { kind: 'dead', reason: 'grant_refused', since: NOW };

const ends = fc.option(fc.integer({ min: -100_000, max: 100_000 }).map((ms) => NOW + ms));
const records: fc.Arbitrary<ConnectionRecord> = fc
  .record({
    expiresAt: ends,
    refreshExpiresAt: ends,
    endsAt: ends,
    hasRefresh: fc.boolean(),
    condition: fc.oneof(
      fc.constant<Condition>({ kind: 'good' }),
      fc.constant<Condition>({ kind: 'none' }),
      fc.constant<Condition>(DEAD),
      fc.integer({ min: -100_000, max: 100_000 }).map((ms) => failing(NOW + ms)),
    ),
  })
  .map(({ expiresAt, refreshExpiresAt, endsAt, hasRefresh, condition }) => {
    const record = connectionOf(1);
    return {
      ...record,
      storedAt: NOW - 200_000,
      condition,
      refresh: hasRefresh ? record.refresh : null,
      grant: { ...record.grant, endsAt, since: NOW - 200_000 },
      metadata: { ...record.metadata, expiresAt, refreshExpiresAt },
    };
  });
const allTerms = fc.constantFrom<RefreshTerms | null>(ahead, null);

describe('when a connection is due', () => {
  it('is due when it is to be refreshed, or when time alone changes its status', () => {
    const record = connectionOf(1);
    const metadata = { ...record.metadata, expiresAt: NOW + 90_000 };
    expect(attentionAt({ ...record, metadata }, ahead, NOW)).toBe(NOW + 30_000);
    expect(attentionAt({ ...record, metadata, condition: DEAD }, ahead, NOW)).toBe(NOW + 90_000);
    expect(attentionAt({ ...record, metadata, condition: failing(NOW + 7) }, ahead, NOW)).toBe(NOW + 7);
    expect(attentionAt({ ...record, metadata, condition: { kind: 'none' }, refresh: null }, ahead, NOW)).toBe(
      NOW + 90_000,
    );
    expect(attentionAt(record, ahead, NOW)).toBeNull();
  });

  it('is never past where nothing can be done about it: it would fall due again and again', () => {
    fc.assert(
      fc.property(records, allTerms, (record, its) => {
        const at = attentionAt(record, its, NOW);
        if (at !== null && at <= NOW) expect(mayRefresh(record, its, NOW, false).kind).toBe('yes');
      }),
    );
  });

  it('is due no later than its next change of status', () => {
    fc.assert(
      fc.property(records, allTerms, fc.nat(200_000), (record, its, ms) => {
        const at = attentionAt(record, its, NOW);
        const stands = (time: number) => statusText(status(record, time));
        if (at === null || NOW + ms < at) expect(stands(NOW + ms)).toBe(stands(NOW));
      }),
    );
  });
});

it('a connection is not refreshed when it is dead, has no refresh token, or its platform has no client', () => {
  fc.assert(
    fc.property(records, (record) => {
      expect(refreshAt(record, null)).toBeNull();
      expect(refreshAt({ ...record, refresh: null }, ahead)).toBeNull();
      expect(refreshAt({ ...record, condition: DEAD }, ahead)).toBeNull();
    }),
  );
});

it('a connection is over when its refresh token or its grant is, at that moment and not before', () => {
  const record = connectionOf(1);
  expect(isOver(record, NOW)).toBe(false);
  const metadata = { ...record.metadata, refreshExpiresAt: NOW };
  expect([isOver({ ...record, metadata }, NOW - 1), isOver({ ...record, metadata }, NOW)]).toEqual([false, true]);
  expect(isOver({ ...record, grant: { ...record.grant, endsAt: NOW } }, NOW)).toBe(true);
});

it('the published status is the current one', () => {
  fc.assert(
    fc.property(records, (record) => {
      expect(withPublishedStatus(record, NOW)).toEqual({
        ...record,
        lastPublishedStatus: statusText(status(record, NOW)),
      });
    }),
  );
});
