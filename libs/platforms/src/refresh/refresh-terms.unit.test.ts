import type { RefreshFacts } from '@vault-engine/vault';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoff, dueAt } from './refresh-terms.ts';

const HOUR = 3_600_000;
const POLICY = {
  policy: { margin_s: 900, margin_max_fraction: 0.2, jitter_s: 60, keepalive_h: 24 },
  refresh: { url: null, params: {}, min_interval_s: 60 },
};
const facts = (more: Partial<RefreshFacts>): RefreshFacts => ({
  refreshedAt: 1_000_000_000_000,
  hasRefreshToken: true,
  expiresAt: null,
  refreshExpiresAt: null,
  ...more,
});
const later = (ms: number): number => facts({}).refreshedAt + ms;
const never = () => 0;

const policies = fc.record({
  policy: fc.record({
    margin_s: fc.integer({ min: 0, max: 86_400 }),
    margin_max_fraction: fc.double({ min: 0.01, max: 1, noNaN: true }),
    jitter_s: fc.integer({ min: 0, max: 3_600 }),
    keepalive_h: fc.integer({ min: 1, max: 1_000 }),
  }),
  refresh: fc.record({
    url: fc.constant(null),
    params: fc.constant({}),
    min_interval_s: fc.integer({ min: 0, max: 3_600 }),
  }),
});
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((value) => () => value);
const lifetimes = fc.option(fc.integer({ min: 1, max: 400 * 24 * HOUR }), { nil: null });
const refreshes = fc.tuple(lifetimes, lifetimes).map(([access, refresh]) =>
  facts({
    expiresAt: access === null ? null : later(access),
    refreshExpiresAt: refresh === null ? null : later(refresh),
  }),
);

describe('a connection is due', () => {
  it('a quarter of an hour before its access token expires', () => {
    expect(dueAt(facts({ expiresAt: later(8 * HOUR) }), POLICY, never)).toBe(later(8 * HOUR - 900_000));
  });

  it('a fifth of the lifetime before, where that is less', () => {
    expect(dueAt(facts({ expiresAt: later(HOUR) }), POLICY, never)).toBe(later(0.8 * HOUR));
    expect(dueAt(facts({ expiresAt: later(120_000) }), POLICY, never)).toBe(later(96_000));
  });

  it('before its access token expires, though that lives less than the least interval', () => {
    for (const lifetime of [5_000, 20_000, 60_000])
      expect(dueAt(facts({ expiresAt: later(lifetime) }), POLICY, never)).toBe(later(0.8 * lifetime));
  });

  it('a day before the idle expiry of its refresh token, though the access token never expires', () => {
    expect(dueAt(facts({ refreshExpiresAt: later(90 * 24 * HOUR) }), POLICY, never)).toBe(later(89 * 24 * HOUR));
  });

  it('not before half of the lifetime of a short-lived refresh token', () => {
    expect(dueAt(facts({ refreshExpiresAt: later(2 * HOUR) }), POLICY, never)).toBe(later(HOUR));
  });

  it('never, where nothing expires or nothing can be refreshed', () => {
    expect(dueAt(facts({}), POLICY, never)).toBeNull();
    expect(dueAt(facts({ hasRefreshToken: false, expiresAt: later(HOUR) }), POLICY, never)).toBeNull();
  });

  it('after the minimum interval, when its token was stored expired', () => {
    expect(dueAt(facts({ expiresAt: later(-HOUR) }), POLICY, never)).toBe(later(60_000));
  });
});

it('a connection is due in time, never before it may be refreshed again', () => {
  fc.assert(
    fc.property(refreshes, policies, randoms, (refresh, profile, random) => {
      const due = dueAt(refresh, profile, random);
      const ends = [refresh.expiresAt, refresh.refreshExpiresAt].filter((end) => end !== null);
      if (due === null) return ends.length === 0;
      const lifetime = (refresh.expiresAt ?? Number.POSITIVE_INFINITY) - refresh.refreshedAt;
      const interval = profile.refresh.min_interval_s * 1_000;
      const earliest = refresh.refreshedAt + (lifetime > 0 ? Math.min(interval, Math.floor(lifetime / 2)) : interval);
      return Number.isSafeInteger(due) && due >= earliest && due <= Math.max(Math.min(...ends), earliest);
    }),
  );
});

it('jitter makes a connection due sooner, by at most jitter_s', () => {
  fc.assert(
    fc.property(refreshes, policies, randoms, (refresh, profile, random) => {
      const [with_, without] = [dueAt(refresh, profile, random), dueAt(refresh, profile, never)];
      if (with_ === null || without === null) return with_ === without;
      return with_ <= without && without - with_ <= profile.policy.jitter_s * 1_000 + 1;
    }),
  );
});

it('there are few attempts against an absolute limit of the refresh token', () => {
  const end = later(HOUR * 24 * 30);
  let [refreshedAt, tries] = [later(0), 0];
  while (refreshedAt < end && tries < 1_000) {
    refreshedAt = dueAt(facts({ refreshedAt, refreshExpiresAt: end }), POLICY, never) ?? end;
    tries += 1;
  }
  expect(tries).toBeLessThan(20);
});

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it('the backoff grows with each failure from half a minute to an hour', () => {
  expect([1, 2, 3, 7, 8, 9].map((failures) => backoff(failures, null, () => 1) / 1_000)).toEqual([
    30, 60, 120, 1_920, 3_600, 3_600,
  ]);
});

it('the backoff is between half of its ceiling and the ceiling, for any number of failures', () => {
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 1e9 }), fraction, (failures, random) => {
      const wait = backoff(failures, null, () => random);
      return Number.isSafeInteger(wait) && wait >= 15_000 && wait <= 3_600_000;
    }),
  );
});

it('the backoff is never shorter than Retry-After', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(86_400_000), fraction, (failures, asked, random) => {
      return backoff(failures, asked, () => random) >= asked;
    }),
  );
});
