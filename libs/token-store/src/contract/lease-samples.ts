import { randomUUID } from 'node:crypto';
import type { Claimed, Lease, LeaseOf, TokenStore, UserId } from '@vault-engine/vault';
import { vi } from 'vitest';
import { connectUser, GMAIL, newRecord, newUser } from './samples.ts';

/** Longer than any test runs. */
export const LONG_MS = 60_000;
/** The token version of the connections of `connectUser`. */
export const { tokenVersion } = newRecord();

/** The operations of the tests of leases. */
export const leasesOn = (store: () => TokenStore) => {
  const connect = async (): Promise<UserId> => {
    const user = newUser();
    await connectUser(store(), user);
    return user;
  };
  const leaseOf = (user: UserId): LeaseOf => ({ user, platform: GMAIL, owner: randomUUID() });
  const claim = (of: LeaseOf, ttlMs = LONG_MS): Promise<Claimed> => store().claim({ ...of, tokenVersion, ttlMs });
  const call = (of: LeaseOf, ttlMs = LONG_MS): Promise<boolean> => store().hold({ ...of, phase: 'called', ttlMs });
  const leaseIn = async ({ user, platform }: LeaseOf): Promise<Lease | null | undefined> =>
    (await store().readConnection(user, platform)).record?.lease;
  /** Claims for a new owner as soon as the present lease has expired. Returns the expired lease that the claim found. */
  const succeed = async (user: UserId, ttlMs = LONG_MS): Promise<{ of: LeaseOf; before: Lease | null }> => {
    const of = leaseOf(user);
    const claimed = await vi.waitUntil(
      async () => {
        const answer = await claim(of, ttlMs);
        return answer.kind === 'claimed' && answer;
      },
      { timeout: 10_000, interval: 5 },
    );
    return { of, before: claimed.before };
  };
  return { connect, leaseOf, claim, call, leaseIn, succeed };
};
