import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, Lease } from '../connection-record.ts';
import type { RefreshTerms } from '../providers.ts';
import { connectionOf, terms } from '../testing/connection-samples.ts';
import { NOW } from '../testing/flow-samples.ts';
import {
  type Attempt,
  conditionAfter,
  firstStep,
  mayRefresh,
  maySendAgain,
  type Refused,
  unknownSince,
} from './decide-refresh.ts';

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

describe('whether a connection may be refreshed', () => {
  const good = connectionOf(1);
  const ended = { ...good.metadata, refreshExpiresAt: NOW };
  const interval: RefreshTerms = { ...terms, minIntervalMs: 60_000 };
  const refreshedAt = (at: number) => ({ ...good, grant: { ...good.grant, refreshedAt: at } });

  it.each([
    ['one that is well', good, terms, 'yes'],
    ['one of a platform that nobody is registered with', good, null, 'kept'],
    ['one without a refresh token', { ...good, refresh: null }, terms, 'kept'],
    ['a dead one', { ...good, condition: { kind: 'dead', reason: 'grant_refused', since: 0 } as const }, terms, 'kept'],
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

  it.each([
    ['a cool-down', { ...good, condition: failing() }, 'yes'],
    ['an end that somebody has reckoned', { ...good, metadata: ended }, 'yes'],
    ['the least interval', refreshedAt(NOW), 'yes'],
    ['no death', { ...good, condition: { kind: 'dead', reason: 'grant_refused', since: 0 } as const }, 'kept'],
    ['no want of a refresh token', { ...good, refresh: null }, 'kept'],
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
  const sends = (reuse: RefreshTerms['reuse'], after: number) =>
    maySendAgain({ ...terms, reuse, graceMs: 600_000 }, NOW, NOW + after);

  it('is sent again where that does no harm, and where it does within the grace alone', () => {
    expect([sends('harmless', HOUR_MS), sends('refused', HOUR_MS)]).toEqual([true, true]);
    expect([sends('fatal', 599_999), sends('fatal', 600_000)]).toEqual([true, false]);
  });

  it.each([
    ['sent where it is not spent, or may be sent again, whether or not the provider tells', 'send', 'send', null],
    ['sent within the grace', 'send', 'send', NOW - 599_999],
    ['asked about after that where the provider tells, and else given up', 'ask', 'give_up', NOW - 600_000],
  ] as const)('is %s', (_name, told, untold, since) => {
    const step = (canIntrospect: boolean) =>
      firstStep({ ...terms, reuse: 'fatal', graceMs: 600_000, canIntrospect }, since, NOW);
    expect([step(true), step(false)]).toEqual([told, untold]);
    expect(firstStep({ ...terms, reuse: 'refused', canIntrospect: true }, since, NOW)).toBe('send');
  });
});

const reuses = fc.constantFrom<RefreshTerms['reuse']>('harmless', 'refused', 'fatal');
const refusals: fc.Arbitrary<Refused> = fc.oneof(
  fc.constant<Refused>({ kind: 'grant_dead', reason: 'r' }),
  fc.constant<Refused>({ kind: 'application_fault', reason: 'r' }),
  fc.constant<Refused>({ kind: 'unknown_outcome', reason: 'r' }),
  fc.nat(HOUR_MS).map((retryAfterMs): Refused => ({ kind: 'throttled', reason: 'r', retryAfterMs })),
  fc.option(fc.nat(HOUR_MS)).map((retryAfterMs): Refused => ({ kind: 'transient', reason: 'r', retryAfterMs })),
);
const earliers = fc.oneof(
  fc.constant<Condition>(GOOD),
  fc.nat(20).map((failures) => failing({ failures })),
);

/** An attempt that began `tookMs` ago; the refresh token was first sent without an answer `unknownForMs` ago, if at all. */
const attempts = fc
  .record({
    reuse: reuses,
    graceMs: fc.constantFrom(0, 30_000, 600_000),
    tookMs: fc.nat(20_000),
    unknownForMs: fc.option(fc.nat(2 * HOUR_MS)),
    canIntrospect: fc.boolean(),
  })
  .map(
    ({ reuse, graceMs, tookMs, unknownForMs, canIntrospect }): Attempt => ({
      terms: {
        ...terms,
        reuse,
        graceMs,
        canIntrospect,
        backoff: (failures, retryAfterMs) => failures * 1_000 + (retryAfterMs ?? 0),
      },
      askedAt: NOW - tookMs,
      unknownSince: unknownForMs === null ? null : NOW - unknownForMs,
      now: NOW,
    }),
  );

describe('the condition after a refusal', () => {
  it('is dead by the word of the grant’s provider, or because a second use could be fatal, and never otherwise', () => {
    fc.assert(
      fc.property(earliers, refusals, attempts, (earlier, outcome, attempt) => {
        const after = conditionAfter(earlier, outcome, attempt);
        if (after.kind !== 'dead') return;
        const maybeSpent = attempt.unknownSince !== null || outcome.kind === 'unknown_outcome';
        expect(outcome.kind === 'grant_dead' || (attempt.terms.reuse === 'fatal' && maybeSpent)).toBe(true);
        expect(after.reason === 'outcome_unknown').toBe(
          attempt.terms.reuse !== 'harmless' && (attempt.unknownSince !== null || outcome.kind === 'unknown_outcome'),
        );
      }),
    );
  });

  it('lives on after anything else, one failure richer, and is tried again later', () => {
    fc.assert(
      fc.property(earliers, refusals, attempts, (earlier, outcome, attempt) => {
        const after = conditionAfter(earlier, outcome, attempt);
        if (after.kind !== 'failing') return;
        expect(after.failures).toBe(earlier.kind === 'failing' ? earlier.failures + 1 : 1);
        expect(after.since).toBe(earlier.kind === 'failing' ? earlier.since : NOW);
        expect(after.retryAt).toBeGreaterThan(NOW);
        expect(after.unknownSince !== null).toBe(after.reason === 'outcome_unknown');
      }),
    );
  });

  it('never lets a token that may be spent be sent again unasked where that is fatal, and loses no earlier doubt', () => {
    fc.assert(
      fc.property(earliers, refusals, attempts, (earlier, outcome, attempt) => {
        const after = conditionAfter(earlier, outcome, attempt);
        if (after.kind !== 'failing' || attempt.terms.reuse === 'harmless') return;
        if (attempt.unknownSince !== null) expect(after.unknownSince).toBe(attempt.unknownSince);
        const next = firstStep(attempt.terms, after.unknownSince, after.retryAt);
        expect(next).not.toBe('give_up');
        if (next === 'ask') expect(after.retryAt).toBeLessThan((after.unknownSince ?? NOW) + HOUR_MS);
      }),
    );
  });

  it('is not dead for an hour where the provider can be asked about a token that may be spent', () => {
    const conditionOf = (unknownForMs: number) =>
      conditionAfter(
        GOOD,
        { kind: 'transient', reason: 'introspection_failed', retryAfterMs: null },
        {
          terms: { ...terms, reuse: 'fatal', canIntrospect: true, backoff: () => 30_000 },
          askedAt: NOW,
          unknownSince: NOW - unknownForMs,
          now: NOW,
        },
      );
    expect(conditionOf(HOUR_MS - 30_001)).toMatchObject({
      kind: 'failing',
      reason: 'outcome_unknown',
      retryAt: NOW + 30_000,
    });
    expect(conditionOf(HOUR_MS - 30_000)).toMatchObject({ kind: 'dead', reason: 'outcome_unknown' });
  });

  it('waits as long as a throttling provider asks for', () => {
    const attempt: Attempt = {
      terms: { ...terms, backoff: (_failures, retryAfterMs) => retryAfterMs ?? 1 },
      askedAt: NOW,
      unknownSince: null,
      now: NOW,
    };
    expect(conditionAfter(GOOD, { kind: 'throttled', reason: 'r', retryAfterMs: 9_000 }, attempt)).toMatchObject({
      reason: 'provider_throttles',
      retryAt: NOW + 9_000,
    });
  });
});
