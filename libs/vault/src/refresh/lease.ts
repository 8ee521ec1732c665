import type { Vault } from '../call.ts';
import type { Cancellation } from '../providers.ts';
import type { LeaseOf, TokenStore } from '../token-store.ts';

/** A lease that this process keeps. */
export interface KeptLease {
  readonly of: LeaseOf;
  /**
   * Aborted when another process has the lease, and when no extension has succeeded for as long as the short time of a
   * claim. So when the lease expires, the last request sent under it is older than the provider's timeout, also where this
   * process was suspended.
   */
  readonly lost: Cancellation;
  /** Moves the lease to phase `called`, ahead of each request. False: another process has the lease, so nothing may be sent. */
  readonly called: () => Promise<boolean>;
  /** Stops extending the lease. It expires unless a put or a release has ended it. */
  readonly stop: () => void;
}

/**
 * The time of a lease in phase `claimed`, and from phase `called` on; milliseconds. The second one includes the provider's
 * timeout. If the holder dies in phase `claimed`, the refresh token is unused, so the next holder only waits for the short
 * time.
 */
export interface LeaseTimes {
  readonly claimedMs: number;
  readonly leaseMs: number;
}

/** Extends a claimed lease at a third of its short time, until it is stopped or lost. */
export const keepLease = (
  store: Pick<TokenStore, 'hold'>,
  of: LeaseOf,
  { claimedMs, leaseMs }: LeaseTimes,
  now: () => number,
  elapsed: () => number = () => performance.now(),
): KeptLease => {
  let phase: 'claimed' | 'called' = 'claimed';
  let isAnothers = false;
  let held = { wall: now(), monotonic: elapsed() };
  // A step of the wall clock, or a pause that the monotonic clock does not count, only causes one more extension.
  const isLate = () => now() >= held.wall + claimedMs || elapsed() >= held.monotonic + claimedMs;
  const hold = async (): Promise<boolean> => {
    const at = { wall: now(), monotonic: elapsed() };
    const isHeld = await store.hold({ ...of, phase, ttlMs: phase === 'called' ? leaseMs : claimedMs });
    if (!isHeld) isAnothers = true;
    else if (at.monotonic >= held.monotonic) held = at;
    return isHeld;
  };
  // While the store is out nobody loses a lease: the next extension, or the put, shows who has it.
  const timer = setInterval(() => hold().catch(() => undefined), claimedMs / 3);
  return {
    of,
    lost: {
      get aborted() {
        return isAnothers || isLate();
      },
    },
    called: async () => {
      phase = 'called';
      // After an outage the store answers late; the second extension is in time.
      return (await hold()) && (!isLate() || hold());
    },
    stop: () => clearInterval(timer),
  };
};

/** Rejects with `error` after giving a lease back, if the store takes it: nothing was sent under it. */
export const giveBackAnd =
  ({ store }: Pick<Vault, 'store'>, of: LeaseOf) =>
  async (error: unknown): Promise<never> => {
    await store.release(of).catch(() => undefined);
    throw error;
  };
