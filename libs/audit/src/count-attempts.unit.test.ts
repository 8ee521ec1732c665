import type { AuditEntry } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { countAttempts } from './count-attempts.ts';

const counted = () => {
  const entries: AuditEntry[] = [];
  const written: string[] = [];
  const state = { broken: false };
  const attempts = countAttempts({
    journal: {
      encodeAudit: (entry) => {
        entries.push(entry);
        return Buffer.from(`${entry.engine} ${entry.reason} ${entry.count}`);
      },
      record: async (audit) => {
        if (state.broken && audit.toString().startsWith('sync')) throw new Error('no acknowledgement');
        written.push(audit.toString());
      },
    },
    now: () => 1_000,
    uuid: () => 'an id',
  });
  return { attempts, entries, written, state };
};

test('attempts become one record for each engine and reason', async () => {
  const { attempts, entries, written } = counted();
  attempts.note('sync', 'wrong_key');
  attempts.note('sync', 'wrong_key');
  attempts.note('sync', 'unknown_key');
  attempts.note(null, 'unknown_engine');
  await attempts.flush();
  await attempts.flush();
  expect(written).toEqual(['sync wrong_key 2', 'sync unknown_key 1', 'unknown unknown_engine 1']);
  expect(entries[0]).toEqual({
    id: 'an id',
    requestId: null,
    userId: null,
    platform: null,
    time: 1_000,
    engine: 'sync',
    keyId: null,
    action: 'authenticate',
    result: 'unauthorized_engine',
    reason: 'wrong_key',
    recordVersion: null,
    count: 2,
  });
});

test('a count that cannot be written is kept, and the others are written', async () => {
  const { attempts, written, state } = counted();
  state.broken = true;
  attempts.note('sync', 'wrong_key');
  attempts.note('local', 'wrong_key');
  await expect(attempts.flush()).rejects.toThrow('no acknowledgement');
  expect(written).toEqual(['local wrong_key 1']);
  state.broken = false;
  attempts.note('sync', 'wrong_key');
  await attempts.flush();
  expect(written).toEqual(['local wrong_key 1', 'sync wrong_key 2']);
});
