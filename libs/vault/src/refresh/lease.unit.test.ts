import { platformId, userId } from '@vault-engine/model';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NOW } from '../testing/flow-samples.ts';
import type { LeaseOf } from '../token-store.ts';
import { keepLease } from './lease.ts';

const CLAIMED_MS = 3_000;
const LEASE_MS = 13_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

type LeasedConnection = Parameters<Parameters<typeof keepLease>[0]['hold']>[0];

/** A lease that has just been claimed, and how the store answers who holds it. */
const kept = () => {
  const [user, platform] = [userId('user'), platformId('platform')];
  if (user === null || platform === null) return expect.fail('no names');
  const of: LeaseOf = { user, platform, owner: 'owner' };
  const held: LeasedConnection[] = [];
  const store = { answer: async () => true };
  const hold = (asked: LeasedConnection) => {
    held.push(asked);
    return store.answer();
  };
  const lease = keepLease({ hold }, of, { claimedMs: CLAIMED_MS, leaseMs: LEASE_MS }, Date.now);
  return { lease, held, store };
};

it('is extended at a third of its short time, for the time of its phase, until it is stopped', async () => {
  const { lease, held } = kept();
  await vi.advanceTimersByTimeAsync(CLAIMED_MS);
  await lease.called();
  await vi.advanceTimersByTimeAsync(CLAIMED_MS / 3);
  lease.stop();
  await vi.advanceTimersByTimeAsync(10 * CLAIMED_MS);
  expect(held.map(({ phase, ttlMs }) => [phase, ttlMs])).toEqual([
    ...Array.from({ length: 3 }, () => ['claimed', CLAIMED_MS]),
    ['called', LEASE_MS],
    ['called', LEASE_MS],
  ]);
});

describe('its holder sends nothing', () => {
  it('once another process has it, whatever a late answer says', async () => {
    const { lease, store } = kept();
    store.answer = async () => false;
    expect(lease.lost.aborted).toBe(false);
    expect(await lease.called()).toBe(false);
    store.answer = async () => true;
    await lease.called();
    expect(lease.lost.aborted).toBe(true);
    lease.stop();
  });

  it('after a suspension, before any timer has fired, until it is extended again', async () => {
    const { lease } = kept();
    await lease.called();
    vi.setSystemTime(NOW + CLAIMED_MS - 1);
    expect(lease.lost.aborted).toBe(false);
    // The rest of the lease is what the provider may take.
    vi.setSystemTime(NOW + CLAIMED_MS);
    expect(lease.lost.aborted).toBe(true);
    expect(await lease.called()).toBe(true);
    expect(lease.lost.aborted).toBe(false);
    lease.stop();
  });

  it('while no extension has succeeded for the short time', async () => {
    const { lease, store } = kept();
    await lease.called();
    store.answer = () => Promise.reject(new Error('out'));
    await vi.advanceTimersByTimeAsync(CLAIMED_MS - 1);
    expect(lease.lost.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(lease.lost.aborted).toBe(true);
    store.answer = async () => true;
    await vi.advanceTimersByTimeAsync(CLAIMED_MS / 3);
    expect(lease.lost.aborted).toBe(false);
    lease.stop();
  });

  it('beyond the time counted from the request of an extension: a late answer is followed by a second request', async () => {
    const { lease, held, store } = kept();
    const late = async () => {
      vi.setSystemTime(Date.now() + CLAIMED_MS);
      return true;
    };
    store.answer = late;
    expect(await lease.called()).toBe(true);
    expect([lease.lost.aborted, held.length]).toEqual([true, 2]);
    store.answer = () => {
      store.answer = async () => true;
      return late();
    };
    expect(await lease.called()).toBe(true);
    expect([lease.lost.aborted, held.length]).toEqual([false, 4]);
    lease.stop();
  });

  it('after the second request, if another process took the lease meanwhile', async () => {
    const { lease, store } = kept();
    store.answer = async () => {
      vi.setSystemTime(Date.now() + CLAIMED_MS);
      store.answer = async () => false;
      return true;
    };
    expect(await lease.called()).toBe(false);
    lease.stop();
  });
});
