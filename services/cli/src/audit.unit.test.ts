import type { AuditRecord } from '@vault-engine/contracts';
import { expect, test } from 'vitest';
import { auditTable, matches } from './audit.ts';

const record = (fields: Partial<AuditRecord> = {}): AuditRecord => ({
  record_id: 'r1',
  request_id: null,
  user_id: 'u1',
  platform: 'gmail',
  time: Date.UTC(2027, 0, 31, 12),
  engine: 'sync',
  key_id: null,
  action: 'GetToken',
  result: 'ok',
  reason: null,
  record_version: null,
  count: 1,
  ...fields,
});

test('a record has to pass every filter', () => {
  expect(matches(record(), {})).toBe(true);
  expect(matches(record(), { user: 'u1', engine: 'sync', platform: 'gmail', action: 'GetToken', result: 'ok' })).toBe(
    true,
  );
  for (const filter of [{ user: 'u2' }, { engine: 'x' }, { platform: 'x' }, { action: 'x' }, { result: 'x' }])
    expect(matches(record(), { user: 'u1', ...filter })).toBe(false);
  expect(matches(record({ user_id: null }), { user: 'u1' })).toBe(false);
});

test('a table has a header, aligned columns and the number of counted attempts', () => {
  expect(
    auditTable([
      record(),
      record({
        user_id: null,
        platform: null,
        action: 'authenticate',
        result: 'unauthorized_engine',
        count: 7,
        reason: 'mac',
      }),
    ]),
  ).toEqual([
    'TIME                      ENGINE  ACTION        RESULT                  USER  PLATFORM  REQUEST  REASON',
    '2027-01-31T12:00:00.000Z  sync    GetToken      ok                      u1    gmail     -',
    '2027-01-31T12:00:00.000Z  sync    authenticate  unauthorized_engine ×7  -     -         -        mac',
  ]);
});
