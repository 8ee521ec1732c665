import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, Lease } from '../connection-record.ts';
import type { FailedRefresh, RefreshTerms } from '../providers.ts';
import { connectionOf, terms } from '../testing/connection-samples.ts';
import { NOW } from '../testing/flow-samples.ts';
import {
  type Evidence,
  firstStep,
  mayRefresh,
  maySendAgain,
  reuseHere,
  tokenAfter,
  unknownSince,
} from './judge-answer.ts';

const HOUR_MS = 3_600_000;
const GOOD: Condition = { kind: 'good' };

const failing = (changes: Partial<Extract<Condition, { kind: 'failing' }>> = {}): Condition => ({
  kind: 'failing',
  reason: 'provider_unavailable',
  since: NOW - HOUR_MS,
  failures: 3,
  retryAt: NOW + 1,
  unknownSince: null,
  ...changes,
});

const failed = (changes: Partial<FailedRefresh>): FailedRefresh => ({
  kind: 'failed',
  answeredBy: 'provider',
  says: 'transient',
  reason: 'r',
  status: null,
  code: null,
  retryAfterMs: null,
  ...changes,
});

describe('whether a connection may be refreshed', () => {
  const good = connectionOf(1);
  const ended = { ...good.metadata, refreshExpiresAt: NOW };
  const interval: RefreshTerms = { ...terms, minIntervalMs: 60_000 };
  const refreshedAt = (at: number) => ({ ...good, grant: { ...good.grant, refreshedAt: at } });

  it.each([
    ['one that is well', good, terms, 'yes'],
    ['one of a platform without a client', good, null, 'kept'],
    ['one without a refresh token', { ...good, refresh: null }, terms, 'kept'],
    ['a dead one', { ...good, condition: { kind: 'dead', reason: 'grant_refused', since: 0 } as const }, terms, 'kept'],
    [
      'a dead one that is due for its recheck',
      { ...good, condition: { kind: 'dead', reason: 'grant_refused', since: 0, recheckAt: NOW } as const },
      terms,
      'yes',
    ],
    [
      'a dead one before its recheck',
      { ...good, condition: { kind: 'dead', reason: 'grant_refused', since: 0, recheckAt: NOW + 1 } as const },
      terms,
      'kept',
    ],
    ['one that rests', { ...good, condition: failing() }, terms, 'kept'],
    ['one that has rested', { ...good, condition: failing({ retryAt: NOW }) }, terms, 'yes'],
    ['one whose refresh token has lapsed', { ...good, metadata: ended }, terms, 'kept'],
    ['one whose grant has ended', { ...good, grant: { ...good.grant, endsAt: NOW } }, terms, 'kept'],
    ['one that was refreshed a moment ago', refreshedAt(NOW - 59_999), interval, 'later'],
    ['one that was refreshed long enough ago', refreshedAt(NOW - 60_000), interval, 'yes'],
    ['one that was never refreshed', good, interval, 'yes'],
  ] as const)('%s', (_name, record, its, kind) => {
    expect(mayRefresh(record, its, NOW, false).kind).toBe(kind);
  });

  it('after at most half of the lifetime seen, whatever the least interval', () => {
    const shortLived = { ...refreshedAt(NOW - 15_000), storedAt: NOW - 15_000 };
    const metadata = { ...good.metadata, expiresAt: NOW + 15_000 };
    expect(mayRefresh({ ...shortLived, metadata }, interval, NOW, false).kind).toBe('yes');
    expect(mayRefresh({ ...shortLived, metadata }, interval, NOW - 1, false).kind).toBe('later');
  });

  it.each([
    ['a cool-down', { ...good, condition: failing() }, 'yes'],
    ['an end that was only computed', { ...good, metadata: ended }, 'yes'],
    ['the least interval', refreshedAt(NOW), 'yes'],
    ['a verdict', { ...good, condition: { kind: 'dead', reason: 'grant_refused', since: 0 } as const }, 'yes'],
    ['no missing refresh token', { ...good, refresh: null }, 'kept'],
  ] as const)('a forced refresh passes %s', (_name, record, kind) => {
    expect(mayRefresh(record, interval, NOW, true).kind).toBe(kind);
  });
});

describe('since when a refresh token may be spent', () => {
  const times = { leaseMs: 25_000, refreshTimeoutMs: 20_000 };
  const left = (phase: Lease['phase']): Lease => ({ owner: 'o', until: NOW, phase });

  it('is known from a failure, else from a lease that was left, else it is not spent', () => {
    const unknown = failing({ unknownSince: 7 });
    expect(unknownSince({ condition: unknown }, left('called'), times)).toBe(7);
    expect(unknownSince({ condition: GOOD }, left('called'), times)).toBe(NOW - 45_000);
    expect(unknownSince({ condition: failing() }, left('claimed'), times)).toBeNull();
    expect(unknownSince({ condition: GOOD }, null, times)).toBeNull();
  });
});

describe('a refresh token that may be spent', () => {
  const evidence = (changes: Partial<RefreshTerms>, since: number | null = NOW): Evidence => ({
    terms: { ...terms, graceMs: 600_000, ...changes },
    rotation: undefined,
    unknownSince: since,
  });
  const sends = (reuse: RefreshTerms['reuse'], after: number) => maySendAgain(evidence({ reuse }), NOW + after);

  it('is sent again where that does no harm, and where it does within the grace alone', () => {
    expect([sends('harmless', HOUR_MS), sends('refused', HOUR_MS)]).toEqual([true, true]);
    expect([sends('fatal', 599_999), sends('fatal', 600_000)]).toEqual([true, false]);
  });

  it.each([
    ['sent if it is unspent, with or without introspection', 'send', 'send', null],
    ['sent within the grace', 'send', 'send', NOW - 599_999],
    ['introspected after the grace if that is possible, and else given up', 'ask', 'give_up', NOW - 600_000],
  ] as const)('is %s', (_name, introspected, not, since) => {
    const step = (canIntrospect: boolean) => firstStep(evidence({ reuse: 'fatal', canIntrospect }, since), NOW);
    expect([step(true), step(false)]).toEqual([introspected, not]);
    expect(firstStep(evidence({ reuse: 'refused', canIntrospect: true }, since), NOW)).toBe('send');
  });

  it('is sent again, whatever the profile fears, where no refresh has brought a new one', () => {
    const kept = { ...evidence({ reuse: 'fatal', graceMs: 0 }, NOW - HOUR_MS), rotation: 'kept' as const };
    expect(firstStep(kept, NOW)).toBe('send');
    expect(firstStep({ ...kept, rotation: 'rotated' }, NOW)).toBe('give_up');
  });
});

describe('what an answer proves of the refresh token', () => {
  const token = (
    changes: Partial<FailedRefresh>,
    reuse: RefreshTerms['reuse'],
    since: number | null = null,
    rotation?: 'kept' | 'rotated',
  ) => tokenAfter(failed(changes), { terms: { ...terms, reuse }, rotation, unknownSince: since });

  it.each([
    ['a request that was not sent', { answeredBy: 'not_sent' }, 'unspent', 'unknown'],
    ['the provider’s own error', { answeredBy: 'provider', says: 'application_fault' }, 'unspent', 'unknown'],
    [
      'the provider’s own word that the grant is dead',
      { answeredBy: 'provider', says: 'grant_dead' },
      'unspent',
      'spent',
    ],
    ['a status of somebody in front', { answeredBy: 'front', status: 504 }, 'unknown', 'unknown'],
    ['no answer', { answeredBy: 'none' }, 'unknown', 'unknown'],
  ] as const)('%s', (_name, answer, after, afterLost) => {
    expect(token(answer, 'fatal')).toBe(after);
    expect(token(answer, 'refused')).toBe(after);
    expect(token(answer, 'fatal', NOW)).toBe(afterLost);
    expect(token(answer, 'harmless', NOW)).toBe('unspent');
    expect(token(answer, 'fatal', NOW, 'kept')).toBe('unspent');
    expect(token(answer, 'fatal', NOW, 'rotated')).toBe(afterLost);
    expect(token(answer, 'harmless', NOW, 'rotated')).toBe(afterLost);
  });

  it('no history makes a rotating provider harmless', () => {
    fc.assert(
      fc.property(fc.constantFrom('harmless', 'refused', 'fatal' as const), (reuse) => {
        expect(reuseHere({ ...terms, reuse }, 'rotated')).not.toBe('harmless');
        expect(reuseHere({ ...terms, reuse }, undefined)).toBe(reuse);
      }),
    );
  });
});
