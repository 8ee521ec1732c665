import type { Condition, Grant } from '@vault-engine/vault';
import { describe, expect, it } from 'vitest';
import { conditionText, grantText, parseCondition, parseGrant } from './condition.ts';

const FAILING = { kind: 'failing', since: 1, failures: 2, retryAt: 3, unknownSince: null } as const;
const SUSPECT: Condition = {
  ...FAILING,
  reason: 'grant_refused',
  suspicion: { since: 1, lastAt: 2 },
  answer: { status: 400, code: 'invalid_grant' },
};
const GRANT: Grant = { since: 1, endsAt: null, refreshedAt: 2, account: 'a' };
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('a condition', () => {
  it.each<Condition>([
    { kind: 'none' },
    { kind: 'good' },
    { ...FAILING, reason: 'outcome_unknown', unknownSince: 1 },
    SUSPECT,
    { kind: 'dead', reason: 'grant_refused', since: 1 },
    { kind: 'dead', reason: 'outcome_unknown', since: 1, recheckAt: 2, answer: { status: 403, code: null } },
  ])('reads back as it was written: %j', (condition) => {
    expect(parseCondition(Buffer.from(conditionText(condition)))).toEqual(condition);
  });

  it('of a suspect connection is one that an earlier version reads as failing', () => {
    expect(JSON.parse(conditionText(SUSPECT))).toMatchObject({ ...FAILING, reason: 'provider_unavailable' });
  });

  it('of an earlier version reads as it was meant', () => {
    expect(parseCondition(json({ ...FAILING, reason: 'provider_throttles' }))).toEqual({
      ...FAILING,
      reason: 'provider_throttles',
    });
    expect(parseCondition(json({ kind: 'dead', reason: 'grant_refused', since: 1 }))).toEqual({
      kind: 'dead',
      reason: 'grant_refused',
      since: 1,
    });
    expect(parseCondition(null)).toEqual({ kind: 'good' });
  });
});

describe('a grant', () => {
  it.each<Grant>([GRANT, { ...GRANT, rotation: 'kept' }, { ...GRANT, rotation: 'rotated' }])(
    'reads back as it was written: %j',
    (grant) => {
      expect(parseGrant(Buffer.from(grantText(grant)), 1)).toEqual(grant);
    },
  );

  it('of an earlier version has an unknown rotation, and an earlier version reads one that has a known one', () => {
    expect(parseGrant(json({ since: 1, endsAt: null, renewedAt: 2, account: 'a' }), 1)).toEqual(GRANT);
    expect(JSON.parse(grantText({ ...GRANT, rotation: 'kept' }))).toMatchObject({
      since: 1,
      endsAt: null,
      renewedAt: 2,
      account: 'a',
    });
  });
});
