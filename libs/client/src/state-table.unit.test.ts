import type { Codec, ConnectionState } from '@vault-engine/contracts';
import { type UserId, userId } from '@vault-engine/model';
import { type StateRecord, supersedes } from '@vault-engine/state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateTable } from './state-table.ts';

const NOW = 1_800_000_000_000;
const user: UserId = userId('u1') ?? expect.fail('no user id');
const codec: Codec<'ConnectionState' | 'PlatformEntry'> = {
  encode: (_name, value) => Buffer.from(JSON.stringify(value)),
  decode: (message) => ({ ok: true, name: 'ConnectionState', value: JSON.parse(message?.toString() ?? '') }),
};
const snapshot = (revision: number, flow = 'f', asOf = NOW): StateRecord => {
  const flows = [{ flow_id: flow, platform: 'gmail', started_at: 0, expires_at: 1 }];
  const state: ConnectionState = { user_id: user, revision, as_of: asOf, connections: [], flows };
  return { kind: 'snapshot', user, revision, state };
};
const tombstone = (revision: number): StateRecord => ({ kind: 'tombstone', user, revision });
const tableAfter = (log: readonly StateRecord[]): StateTable => {
  const table = new StateTable(codec, () => NOW);
  for (const record of log) table.take(record);
  return table;
};

describe('StateTable', () => {
  it('ends with the newest record, for any order of snapshots, tombstones and stale records', () => {
    const message = fc.oneof(
      fc.tuple(fc.nat(6), fc.constantFrom('a', 'b')).map(([revision, flow]) => snapshot(revision, flow)),
      fc.nat(6).map(tombstone),
      fc.constant<StateRecord>({ kind: 'unreadable', user }),
      fc.constant<StateRecord>({ kind: 'stray' }),
    );
    fc.assert(
      fc.property(fc.array(message), (log) => {
        let newest: Extract<StateRecord, { revision: number }> | null = null;
        for (const next of log) if ('revision' in next && supersedes(next.revision, newest?.revision)) newest = next;
        const due = newest?.kind === 'snapshot' ? newest.state : null;
        expect(tableAfter(log).get(user)).toEqual(due);
      }),
    );
  });

  it('reports changes, and neither repetitions nor snapshots that were merely taken again', () => {
    const table = new StateTable(codec, () => NOW);
    const news = [
      snapshot(3),
      snapshot(3),
      snapshot(3, 'f', NOW + 1),
      snapshot(3, 'other'),
      snapshot(4, 'other'),
      snapshot(2),
      tombstone(5),
      tombstone(5),
      snapshot(4),
      snapshot(6),
    ].map((record) => table.take(record));
    expect(news).toEqual([true, false, false, true, true, false, true, false, false, true]);
  });
});
