import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition } from '../connection-record.ts';
import type { FailedRefresh, RefreshTerms } from '../providers.ts';
import { terms } from '../testing/connection-samples.ts';
import { NOW } from '../testing/flow-samples.ts';
import type { Incident, PlatformHealth } from './circuit.ts';
import { firstStep } from './judge-answer.ts';
import { ALONE_MS, type Attempt, conditionAfter } from './verdict.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const GOOD: Condition = { kind: 'good' };

type Failing = Extract<Condition, { kind: 'failing' }>;

const failed = (changes: Partial<FailedRefresh> = {}): FailedRefresh => ({
  kind: 'failed',
  answeredBy: 'provider',
  says: 'transient',
  reason: 'r',
  status: 400,
  code: null,
  retryAfterMs: null,
  ...changes,
});
const REFUSED = failed({ says: 'grant_dead', code: 'invalid_grant' });
const incident: Incident = {
  failure: 'f',
  reason: 'provider_unavailable',
  since: NOW,
  probes: 0,
  nextProbeAt: NOW + 15_000,
};
const healthy = (now: number): PlatformHealth => ({ proven: true, lastSuccessAt: now, incident: null });

const attemptAt = (now: number, changes: Partial<Attempt> = {}): Attempt => ({
  terms: { ...terms, backoff: (failures, retryAfterMs) => failures * 1_000 + (retryAfterMs ?? 0) },
  rotation: undefined,
  unknownSince: null,
  failed: REFUSED,
  askedAt: now,
  introspected: 'unknown',
  health: healthy(now),
  now,
  ...changes,
});

/** Refuses a connection at each of its retry times until it is dead, and answers how long that took; null: not within a month. */
const timeToVerdict = (changes: (now: number) => Partial<Attempt>): number | null => {
  let condition: Condition = GOOD;
  for (let now = NOW; now < NOW + 30 * DAY_MS; ) {
    condition = conditionAfter(condition, attemptAt(now, changes(now)));
    if (condition.kind === 'dead') return now - NOW;
    now = condition.kind === 'failing' ? condition.retryAt : expect.fail('good');
  }
  return null;
};

describe('a refused grant', () => {
  it('is suspect first, and asked for again at the times of its schedule', () => {
    const first = conditionAfter(GOOD, attemptAt(NOW));
    expect(first).toMatchObject({ kind: 'failing', reason: 'grant_refused', retryAt: NOW + MINUTE_MS });
    const second = conditionAfter(first, attemptAt(NOW + MINUTE_MS));
    expect(second).toMatchObject({ suspicion: { since: NOW, lastAt: NOW + MINUTE_MS }, retryAt: NOW + 5 * MINUTE_MS });
  });

  it('is believed after the schedule while other connections succeed', () => {
    expect(timeToVerdict((now) => ({ health: healthy(now) }))).toBe(30 * MINUTE_MS);
  });

  it('is believed later without other connections', () => {
    expect(timeToVerdict(() => ({ health: { ...healthy(NOW), lastSuccessAt: NOW - 1 } }))).toBe(6 * HOUR_MS);
  });

  it('is believed after the schedule if introspection calls the refresh token inactive', () => {
    const health = { ...healthy(NOW), lastSuccessAt: null };
    expect(timeToVerdict(() => ({ health, introspected: 'spent' }))).toBe(30 * MINUTE_MS);
  });

  it('is believed after a day only if introspection calls the refresh token active', () => {
    expect(timeToVerdict(() => ({ introspected: 'unspent' }))).toBe(DAY_MS);
  });

  it('is never believed while an incident is open, nor from a client without any success', () => {
    expect(timeToVerdict((now) => ({ health: { ...healthy(now), incident } }))).toBeNull();
    expect(timeToVerdict(() => ({ health: { proven: false, lastSuccessAt: null, incident: null } }))).toBeNull();
    expect(conditionAfter(GOOD, attemptAt(NOW, { health: { ...healthy(NOW), proven: false } }))).toMatchObject({
      reason: 'provider_misconfigured',
    });
  });

  it('is asked for again a day after the verdict, for a month, and stays dead while it is refused', () => {
    const dead: Condition = { kind: 'dead', reason: 'grant_refused', since: NOW };
    expect(conditionAfter(dead, attemptAt(NOW + DAY_MS))).toMatchObject({ ...dead, recheckAt: NOW + 2 * DAY_MS });
    expect(conditionAfter(dead, attemptAt(NOW + 30 * DAY_MS))).not.toHaveProperty('recheckAt');
    const outage = failed({ answeredBy: 'front', status: 503 });
    expect(conditionAfter(dead, attemptAt(NOW + DAY_MS, { failed: outage, rotation: 'kept' }))).toMatchObject(dead);
  });
});

describe('a connection that fails alone among healthy neighbours', () => {
  const alone = (answer: Partial<FailedRefresh>) => timeToVerdict(() => ({ failed: failed(answer), rotation: 'kept' }));
  const slack = HOUR_MS;

  it.each([
    ['unauthorized_client', { says: 'application_fault', status: 403, code: 'unauthorized_client' }, ALONE_MS.refused],
    ['invalid_client', { says: 'application_fault', status: 401 }, ALONE_MS.refused],
    ['a 401 in plain text', { answeredBy: 'front', says: 'application_fault', status: 401 }, ALONE_MS.refused],
    ['invalid_request', { says: 'application_fault', status: 400 }, ALONE_MS.refused],
    ['404', { answeredBy: 'front', says: 'application_fault', status: 404 }, ALONE_MS.other],
    ['500', { answeredBy: 'front', status: 500 }, ALONE_MS.other],
  ] as const)('asks its user within a stated time, whatever the answer: %s', (_name, answer, bound) => {
    const took = alone(answer) ?? expect.fail('never asked');
    expect(took).toBeGreaterThanOrEqual(bound);
    expect(took).toBeLessThan(bound + slack);
  });

  it.each([
    ['that throttles', { says: 'throttled', status: 429 }],
    ['that does not answer', { answeredBy: 'none', status: null }],
    ['that can’t be reached', { answeredBy: 'not_sent', status: null }],
  ] as const)('never by a provider %s', (_name, answer) => {
    expect(alone(answer)).toBeNull();
  });

  it('asks nobody where nobody else succeeds', () => {
    const health = { ...healthy(NOW), lastSuccessAt: NOW - 1 };
    expect(timeToVerdict(() => ({ failed: failed({ status: 401 }), health }))).toBeNull();
  });
});

const answers: fc.Arbitrary<FailedRefresh> = fc.record({
  kind: fc.constant('failed' as const),
  answeredBy: fc.constantFrom('not_sent', 'provider', 'front', 'none' as const),
  says: fc.constantFrom('application_fault', 'transient', 'throttled' as const),
  reason: fc.constant('r'),
  status: fc.option(fc.integer({ min: 200, max: 599 })),
  code: fc.constant(null),
  retryAfterMs: fc.option(fc.nat(HOUR_MS)),
});
const earliers: fc.Arbitrary<Condition> = fc.oneof(
  fc.constant<Condition>(GOOD),
  fc.nat(20).map(
    (failures): Failing => ({
      kind: 'failing',
      reason: 'provider_unavailable',
      since: NOW - HOUR_MS,
      failures,
      retryAt: NOW,
      unknownSince: null,
    }),
  ),
);
const attempts = fc
  .record({
    failed: fc.oneof(answers, fc.constant(REFUSED)),
    reuse: fc.constantFrom<RefreshTerms['reuse']>('harmless', 'refused', 'fatal'),
    rotation: fc.constantFrom('kept', 'rotated', undefined),
    graceMs: fc.constantFrom(0, 30_000, 600_000),
    tookMs: fc.nat(20_000),
    unknownForMs: fc.option(fc.nat(2 * HOUR_MS)),
    canIntrospect: fc.boolean(),
    isIncident: fc.boolean(),
  })
  .map(
    ({ failed: answer, reuse, rotation, graceMs, tookMs, unknownForMs, canIntrospect, isIncident }): Attempt =>
      attemptAt(NOW, {
        terms: { ...attemptAt(NOW).terms, reuse, graceMs, canIntrospect },
        failed: answer,
        rotation,
        askedAt: NOW - tookMs,
        unknownSince: unknownForMs === null ? null : NOW - unknownForMs,
        health: { ...healthy(NOW), incident: isIncident ? incident : null },
      }),
  );

describe('the condition after a failure', () => {
  it('is dead at once only if the refresh token may be spent, can’t be sent again, and nothing can tell', () => {
    fc.assert(
      fc.property(earliers, attempts, (earlier, attempt) => {
        const after = conditionAfter(earlier, attempt);
        if (after.kind !== 'dead') return;
        const since = attempt.unknownSince ?? attempt.askedAt;
        expect(after.reason).toBe('outcome_unknown');
        expect(attempt.health.incident).toBeNull();
        expect(firstStep({ ...attempt, unknownSince: since }, NOW + 2_000)).not.toBe('send');
      }),
    );
  });

  it('is else failing, and tried again later', () => {
    fc.assert(
      fc.property(earliers, attempts, (earlier, attempt) => {
        const after = conditionAfter(earlier, attempt);
        if (after.kind !== 'failing') return;
        expect(after.since).toBe(earlier.kind === 'failing' ? earlier.since : NOW);
        expect(after.retryAt).toBeGreaterThan(NOW);
        if (after.unknownSince !== null) expect(['outcome_unknown', 'provider_misconfigured']).toContain(after.reason);
      }),
    );
  });

  it('never lets a token that may be spent be sent again where that is fatal, and loses no earlier doubt', () => {
    fc.assert(
      fc.property(earliers, attempts, (earlier, attempt) => {
        const after = conditionAfter(earlier, attempt);
        if (after.kind !== 'failing' || after.unknownSince === null) return;
        if (attempt.unknownSince !== null) expect(after.unknownSince).toBe(attempt.unknownSince);
        const next = firstStep({ ...attempt, unknownSince: after.unknownSince }, after.retryAt);
        if (attempt.health.incident === null) expect(next).not.toBe('give_up');
        if (next === 'ask' && attempt.health.incident === null)
          expect(after.retryAt).toBeLessThan(after.unknownSince + HOUR_MS);
      }),
    );
  });

  it('is not dead for an hour while introspection of a token that may be spent is tried', () => {
    const conditionOf = (unknownForMs: number) =>
      conditionAfter(
        GOOD,
        attemptAt(NOW, {
          terms: { ...terms, reuse: 'fatal', canIntrospect: true, backoff: () => 30_000 },
          failed: failed({ answeredBy: 'not_sent', reason: 'introspection_failed', status: null }),
          unknownSince: NOW - unknownForMs,
        }),
      );
    expect(conditionOf(HOUR_MS - 30_001)).toMatchObject({ reason: 'outcome_unknown', retryAt: NOW + 30_000 });
    expect(conditionOf(HOUR_MS - 30_000)).toMatchObject({ kind: 'dead', reason: 'outcome_unknown' });
  });

  it('waits as long as a throttling provider asks for, and keeps its status and code', () => {
    const throttled = failed({ says: 'throttled', status: 429, code: 'slow_down', retryAfterMs: 9_000 });
    expect(conditionAfter(GOOD, attemptAt(NOW, { failed: throttled }))).toMatchObject({
      reason: 'provider_throttles',
      retryAt: NOW + 10_000,
      answer: { status: 429, code: 'slow_down' },
    });
  });
});
