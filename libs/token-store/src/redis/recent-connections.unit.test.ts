import { ciphertext } from '@vault-engine/crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GMAIL, newDataKey, newRecord, newUser, SLACK } from '../contract/samples.ts';
import { RecentConnections } from './recent-connections.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const names = { user: 'u', record: 't' };
const mark = { transition: 'some-id', version: '1' };
const row = () => ({ revision: 1, dataKey: newDataKey() });
const keepIn = (recent: RecentConnections, user = newUser(), record = newRecord()) => {
  const found = recent.keep(user, GMAIL, { names, mark, found: { user: row(), record } });
  return { user, found };
};

describe('a connection that is read', () => {
  it('is cached with its keys and mark, and is the object that the read returned', () => {
    const recent = new RecentConnections();
    const { user, found } = keepIn(recent);
    expect(recent.of(user, GMAIL)).toMatchObject({ names, mark, found });
    expect(recent.of(user, GMAIL)?.found).toBe(found);
    expect(recent.of(user, SLACK)).toBeUndefined();
    expect(recent.of(newUser(), GMAIL)).toBeUndefined();
  });

  it('does not retain the buffer of the reply that it was read from', () => {
    const answer = Buffer.alloc(100, 7);
    const sealed = ciphertext(answer.subarray(20, 50));
    const { found } = keepIn(new RecentConnections(), newUser(), newRecord({ access: sealed, refresh: sealed }));
    answer.fill(0);
    expect(found.record?.access).toEqual(Buffer.alloc(30, 7));
    expect(found.record?.refresh).toEqual(Buffer.alloc(30, 7));
    expect(found.record?.access.buffer.byteLength).toBe(30);
  });

  it('expires after five minutes, however often it is read', () => {
    const recent = new RecentConnections();
    const { user } = keepIn(recent);
    for (let minute = 1; minute < 5; minute += 1) {
      vi.advanceTimersByTime(60_000);
      expect(recent.of(user, GMAIL)).toBeDefined();
    }
    vi.advanceTimersByTime(71_000);
    expect(recent.of(user, GMAIL)).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('expires before connections that were cached later', () => {
    const recent = new RecentConnections();
    const early = keepIn(recent);
    vi.advanceTimersByTime(200_000);
    const late = keepIn(recent);
    vi.advanceTimersByTime(111_000);
    expect(recent.of(early.user, GMAIL)).toBeUndefined();
    expect(recent.of(late.user, GMAIL)?.found).toBe(late.found);
  });

  it('stays cached when the cache is full, and no other is added', () => {
    const recent = new RecentConnections();
    const first = keepIn(recent);
    for (let more = 1; more < 10_000; more += 1) keepIn(recent);
    const last = newUser();
    const found = { user: row(), record: newRecord() };
    expect(recent.keep(last, GMAIL, { names, mark, found })).toBe(found);
    expect(recent.of(last, GMAIL)).toBeUndefined();
    expect(recent.of(first.user, GMAIL)?.found).toBe(first.found);
    expect(keepIn(recent, first.user).found).not.toBe(first.found);
  });

  it('is replaced when it is read again', () => {
    const recent = new RecentConnections();
    const { user } = keepIn(recent);
    const { found } = keepIn(recent, user);
    expect(recent.of(user, GMAIL)?.found).toBe(found);
  });
});

it.each([
  ['a leased connection', row(), newRecord({ lease: { owner: 'o', until: 1, phase: 'claimed' } }), mark],
  ['a connection without a mark', row(), newRecord(), null],
  ['a missing connection', row(), null, mark],
  ['a forgotten user', null, null, mark],
])('does not cache %s, and drops the older entry', (_what, user, record, its) => {
  const recent = new RecentConnections();
  const before = keepIn(recent);
  const found = { user, record };
  expect(recent.keep(before.user, GMAIL, { names, mark: its, found })).toBe(found);
  expect(recent.of(before.user, GMAIL)).toBeUndefined();
});
