import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, ConnectionRecord } from './connection-record.ts';
import { eventOf, status, withPublishedStatus } from './status.ts';
import { connectionOf } from './testing/connection-samples.ts';
import { NOW } from './testing/flow-samples.ts';

const MINUTE_MS = 60_000;

const connection = (inMs: number, condition: Condition = { kind: 'good' }, tokenVersion = 1): ConnectionRecord => {
  const record = connectionOf(1);
  return { ...record, tokenVersion, condition, metadata: { ...record.metadata, expiresAt: NOW + inMs } };
};
const failing = (reason: 'provider_unavailable' | 'provider_throttles'): Condition => ({
  kind: 'failing',
  reason,
  since: NOW,
  failures: 1,
  retryAt: NOW,
  unknownSince: null,
});
const DEAD: Condition = { kind: 'dead', reason: 'grant_refused', since: NOW };
const lapsing = (condition?: Condition): ConnectionRecord => {
  const record = connection(MINUTE_MS, condition);
  return { ...record, metadata: { ...record.metadata, refreshExpiresAt: NOW + 1 }, storedAt: NOW - 1_000 };
};

const [VALID, EXPIRED] = [connection(MINUTE_MS), connection(-1)];

describe('the event of a changed connection', () => {
  it.each([
    ['that fails and is valid yet', VALID, connection(MINUTE_MS, failing('provider_unavailable')), 'FAILING'],
    [
      'that fails for another reason',
      connection(MINUTE_MS, failing('provider_unavailable')),
      connection(MINUTE_MS, failing('provider_throttles')),
      'FAILING',
    ],
    ['that fails and is not valid', EXPIRED, connection(-1, failing('provider_unavailable')), 'EXPIRED'],
    ['that has died and is valid yet', VALID, connection(MINUTE_MS, DEAD), 'LAPSING'],
    ['that has died and is not valid', EXPIRED, connection(-1, DEAD), 'EXPIRED'],
    ['whose end is near', VALID, lapsing(), 'LAPSING'],
    ['whose end is near, and that begins to fail', lapsing(), lapsing(failing('provider_unavailable')), 'FAILING'],
    ['that has new credentials', VALID, connection(MINUTE_MS, undefined, 2), 'RENEWED'],
    ['that has usable credentials again', connection(-1, DEAD), connection(MINUTE_MS, undefined, 2), 'RECOVERED'],
    ['that has new credentials that are not usable', connection(-1, DEAD), connection(-1, DEAD, 2), 'RENEWED'],
  ] as const)('%s', (_name, before, after, change) => {
    expect(eventOf(withPublishedStatus(before, NOW), after, NOW)).toEqual({ change, view: status(after, NOW) });
  });

  it('is none while its status is the published one, or was never published and is well', () => {
    for (const record of [VALID, EXPIRED, lapsing(), connection(-1, DEAD)])
      expect(eventOf(withPublishedStatus(record, NOW), record, NOW)).toBeNull();
    expect(eventOf({ lastPublishedStatus: '', tokenVersion: 1 }, VALID, NOW)).toBeNull();
    expect(eventOf({ lastPublishedStatus: '', tokenVersion: 1 }, connection(-1, DEAD), NOW)).toMatchObject({
      change: 'EXPIRED',
    });
  });

  it('is published once: the same status has no second event', () => {
    const conditions = fc.constantFrom<Condition>({ kind: 'good' }, failing('provider_throttles'), DEAD);
    const connections = fc.tuple(fc.integer({ min: -10, max: 10 }), conditions).map((of) => connection(...of));
    fc.assert(
      fc.property(connections, connections, (before, after) => {
        const lastPublishedStatus = withPublishedStatus(before, NOW);
        const event = eventOf(lastPublishedStatus, after, NOW);
        expect(event === null).toBe(
          lastPublishedStatus.lastPublishedStatus === withPublishedStatus(after, NOW).lastPublishedStatus,
        );
        expect(eventOf(withPublishedStatus(after, NOW), after, NOW)).toBeNull();
      }),
    );
  });
});
