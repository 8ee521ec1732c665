import type { Cancellation } from '../providers.ts';
import type { LeaseOf, TokenStore } from '../token-store.ts';

/** A lease that is held on to. */
export interface KeptLease {
  readonly of: LeaseOf;
  /**
   * Aborted when somebody else has the lease, and when it has not been held on to for as long as it is claimed for: by the
   * time it lapses, whatever was sent under it was sent longer ago than the provider may take, by a process that stood
   * still too.
   */
  readonly lost: Cancellation;
  /** Says that the provider is about to be asked, or asked again. False: the lease is somebody else's, and nobody must be. */
  readonly called: () => Promise<boolean>;
  /** Stops holding on to it; it lapses, unless a put or a release has ended it. */
  readonly stop: () => void;
}

/**
 * For how long a lease is claimed, and for how long it is held from `called` on, which is so much longer as the provider may
 * take; milliseconds. Who dies while it is claimed has spent nothing: the next need not wait for longer than it takes to be
 * sure.
 */
export interface LeaseTimes {
  readonly claimedMs: number;
  readonly leaseMs: number;
}

/** Renews a claimed lease at a third of its time, until it is stopped or lost. */
export const keepLease = (
  store: Pick<TokenStore, 'hold'>,
  of: LeaseOf,
  { claimedMs, leaseMs }: LeaseTimes,
  now: () => number,
): KeptLease => {
  let phase: 'claimed' | 'called' = 'claimed';
  let isAnothers = false;
  let heldAt = now();
  const isLate = () => now() >= heldAt + claimedMs;
  const hold = async (): Promise<boolean> => {
    const at = now();
    const held = await store.hold({ ...of, phase, ttlMs: phase === 'called' ? leaseMs : claimedMs });
    if (held) heldAt = Math.max(heldAt, at);
    else isAnothers = true;
    return held;
  };
  // A store that is out takes nobody's lease away: the next renewal, or the put, tells.
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
      // A store that was out for a while has answered late, and is in time the second time.
      return (await hold()) && (!isLate() || hold());
    },
    stop: () => clearInterval(timer),
  };
};
