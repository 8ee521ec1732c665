import type { BusRecord } from '@vault-engine/bus';
import type { Codec, ConnectionState, Decoded } from '@vault-engine/contracts';
import { LARGEST_INTEGER } from '@vault-engine/model';
import { describe, expect, it } from 'vitest';
import { readState } from './read-state.ts';

const state: ConnectionState = { user_id: 'u1', revision: 4, as_of: 1, connections: [], flows: [] };
const good: Decoded = { ok: true, name: 'ConnectionState', value: state };
const codecOf = (decoded: Decoded | Promise<Decoded>): Pick<Codec, 'decode'> => ({ decode: () => decoded });
const recordOf = (key: string | null, value: string | null, revision?: string): BusRecord => ({
  topic: 'state',
  partition: 0,
  offset: 0n,
  timestamp: 0,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers: revision === undefined ? {} : { 'x-revision': Buffer.from(revision) },
});

describe('a record of the state topic', () => {
  it('is a snapshot with the revision of its value', () => {
    expect(readState(codecOf(good), recordOf('u1', 'v'))).toEqual({ kind: 'snapshot', user: 'u1', revision: 4, state });
  });

  it('is parsed asynchronously where its schema is looked up', async () => {
    expect(await readState(codecOf(Promise.resolve(good)), recordOf('u1', 'v'))).toMatchObject({ kind: 'snapshot' });
  });

  it('is a tombstone with the revision of its header', () => {
    expect(readState(codecOf(good), recordOf('u1', null, '9'))).toEqual({ kind: 'tombstone', user: 'u1', revision: 9 });
  });

  it.each(['', '-1', '01', '1.5', '9e9', ' 9', '9007199254740991', '99999999999999999'])(
    'is unreadable as a tombstone of revision "%s"',
    (revision) => {
      expect(readState(codecOf(good), recordOf('u1', null, revision))).toEqual({ kind: 'unreadable', user: 'u1' });
    },
  );

  it('is unreadable as a tombstone without a revision', () => {
    expect(readState(codecOf(good), recordOf('u1', null))).toEqual({ kind: 'unreadable', user: 'u1' });
  });

  it('is unreadable where it does not decode, is another record, is of another user, or has no valid revision', () => {
    const wrong: Decoded[] = [
      { ok: false, reason: 'undecodable' },
      { ok: true, name: 'PlatformEntry', value: { platform: 'gmail', display_name: 'Gmail' } },
      { ok: true, name: 'ConnectionState', value: { ...state, user_id: 'u2' } },
      { ok: true, name: 'ConnectionState', value: { ...state, revision: -1 } },
      { ok: true, name: 'ConnectionState', value: { ...state, revision: LARGEST_INTEGER } },
    ];
    for (const decoded of wrong)
      expect(readState(codecOf(decoded), recordOf('u1', 'v'))).toEqual({ kind: 'unreadable', user: 'u1' });
  });

  it('is a stray where its key is not a user id', () => {
    for (const key of [null, '', 'a b', 'x'.repeat(129)])
      expect(readState(codecOf(good), recordOf(key, 'v'))).toEqual({ kind: 'stray' });
  });
});
