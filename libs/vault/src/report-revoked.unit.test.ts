import { describe, expect, it } from 'vitest';
import type { ConnectionRecord } from './connection-record.ts';
import { reportRevoked } from './report-revoked.ts';
import { isReportedRevoked, status } from './status.ts';
import { connectionOf } from './testing/connection-samples.ts';
import { callOf, GMAIL, NOW, NOW_MICROS, nobody, USER, WRAPPED } from './testing/flow-samples.ts';
import type { UserView } from './token-store.ts';

const VERSION = 5;
const viewOf = (record: ConnectionRecord): UserView => ({
  ...nobody,
  user: { revision: 9, dataKey: WRAPPED },
  connections: new Map([[GMAIL, record]]),
});
const report = (tokenVersion: number, view: UserView) =>
  reportRevoked({ now: () => NOW }, callOf('ReportRevoked'), { user: USER, platform: GMAIL, tokenVersion }).decide(
    view,
  );
const changed = async (record: ConnectionRecord) => {
  const decision = await report(VERSION, viewOf(record));
  return decision.kind === 'change' ? decision : expect.fail(`decided ${decision.kind}`);
};

describe('a report of a revoked grant', () => {
  it.each<[string, Partial<ConnectionRecord>]>([
    ['that is refreshed', {}],
    ['without a refresh token', { refresh: null, condition: { kind: 'none' } }],
    ['whose refreshes fail', { condition: { kind: 'dead', reason: 'grant_refused', since: 1 } }],
  ])('asks the user to reconnect a connection %s, and keeps its credentials', async (_what, changes) => {
    const record = connectionOf(VERSION, changes);
    const { value, write, events, reason } = await changed(record);
    expect(value).toEqual({ platform: GMAIL, outcome: 'reported', tokenVersion: VERSION, revision: NOW_MICROS });
    const stored = write.put?.record ?? expect.fail('nothing is stored');
    expect(stored).toMatchObject({
      tokenVersion: VERSION,
      version: record.version,
      access: record.access,
      refresh: record.refresh,
      grant: record.grant,
      condition: { kind: 'dead', reason: 'reported_revoked', since: NOW },
    });
    expect([write.remove, write.put?.dueAt, reason]).toEqual([[], null, 'reported_revoked']);
    expect(events).toMatchObject([
      { platform: GMAIL, change: 'EXPIRED', view: { status: 'EXPIRED', action: 'REAUTH', reason: 'reported_revoked' } },
    ]);
  });

  it('ends an access token that has not expired, at once and for good', () => {
    const { metadata } = connectionOf(VERSION);
    const record = connectionOf(VERSION, {
      metadata: { ...metadata, expiresAt: NOW + 3_600_000 },
      condition: { kind: 'dead', reason: 'reported_revoked', since: NOW },
    });
    for (const now of [NOW, NOW + 1, NOW + 7_200_000])
      expect(status(record, now)).toMatchObject({ status: 'EXPIRED', action: 'REAUTH', expiresAt: NOW });
  });

  it('changes nothing where it is about older credentials', async () => {
    expect(await report(VERSION - 1, viewOf(connectionOf(VERSION)))).toEqual({
      kind: 'nothing',
      value: { platform: GMAIL, outcome: 'older_version', tokenVersion: VERSION, revision: 9 },
    });
  });

  it('changes nothing the second time', async () => {
    const { write } = await changed(connectionOf(VERSION));
    const again = write.put?.record ?? expect.fail('nothing is stored');
    expect(isReportedRevoked(again)).toBe(true);
    expect(await report(VERSION, viewOf(again))).toMatchObject({ kind: 'nothing', value: { outcome: 'reported' } });
  });

  it('is refused for a version that was never issued, and without a connection', async () => {
    expect(await report(VERSION + 1, viewOf(connectionOf(VERSION)))).toMatchObject({
      kind: 'refuse',
      failure: { code: 'invalid_request', reason: 'unknown_version' },
    });
    expect(await report(VERSION, nobody)).toMatchObject({ kind: 'refuse', failure: { code: 'not_connected' } });
  });
});
